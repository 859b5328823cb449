#include "pulse/pg/settings.hpp"

extern "C" {
#include "utils/datetime.h"
}

namespace pulse::pg::settings {

int statement_timeout = 600'000;
int lock_timeout = 5'000;
int sketch_size = 65'536;
int inactive_after = 30 * 24 * 60;
int max_values = 50;

double size_change_threshold = 0.15;
double distribution_shift_threshold = 0.20;
double conversion_anomaly_threshold = 0.25;
double inactivity_creep_threshold = 0.30;
double membership_churn_threshold = 0.30;
double null_spike_threshold = 0.05;
double value_threshold = 0.02;
double slow_erosion_threshold = 0.10;
double event_volume_threshold = 0.25;
double slow_growth_threshold = 0.15;
double p_value = 0.001;
double false_discovery_rate = 0.05;
int baseline_window = 28;
int min_history = 7;
int resolve_after = 2;
int settle_after = 7;
int reopen_within = 3 * 24 * 60;
int unused_after = 90 * 24 * 60;

int row_limit = 1'000'000;
int sample_rows = 100'000;
int check_timeout = 30'000;

bool run_jobs = true;
int max_parallel_jobs = 3;
int job_run_retention = 30 * 24 * 60;
int snapshot_retention = 0;
int sketch_retention = 90 * 24 * 60;
int check_retention = 90 * 24 * 60;
int usage_retention = 30 * 24 * 60;
int audit_retention = 0;
int message_retention = 90 * 24 * 60;
int message_lifetime = 3 * 24 * 60;
int audience_settling = 3 * 24 * 60;
double audience_size_tolerance = 0.3;

bool send_messages = true;
bool allow_http = false;
int max_requests = 200;
int max_requests_per_host = 50;
int notify_within = 2 * 24 * 60;
int max_attachment = 5 * 1024;

int agent_max_steps = 8;
int agent_max_tokens = 60'000;
int agent_daily_tokens = 1'000'000;
double agent_max_cost = 0;
double agent_daily_cost = 0;
bool agent_share_values = false;
int agent_tool_timeout = 5'000;

int diagnosis_timeout = 5'000;
int diagnosis_total_timeout = 60'000;

int evaluation = kSync;
int max_batch = 10'000;
int max_event_size = 256 * 1024;
int max_properties = 1'000;
int max_event_depth = 16;
int clock_skew = 5 * 60 * 1000;
int max_event_age = 0;
int deduplication_horizon = 30 * 24 * 60;
int retry_window = 60;
int tcf_vendor = 755;
int max_linked = 20;
int event_retention = 0;
int event_order_after = 0;
int event_order_size = 10 * 1024;
int event_archive_after = 0;
int rejected_event_retention = 30 * 24 * 60;
int erasure_refusal = 30 * 24 * 60;
int erasure_retention = 366 * 24 * 60;
int membership_change_retention = 0;
int exposure_retention = 90 * 24 * 60;
int export_retention = 24 * 60;
int export_link_expiry = 60 * 60;
int max_exports = 100;
int max_export_size = 1024;
int build_at_once = 20'000;
double exposure_sample = 0;

int metrics_limit = 100;

namespace {

char* time_zone = nullptr;
char* allowed_hosts = nullptr;
char* incident_url = nullptr;
char* agent_severities = nullptr;
char* agent_model = nullptr;
char* audit_channel = nullptr;
char* event_archive_server = nullptr;

void DefineReal(const char* name, const char* help, const char* more, double* variable, double low,
                double high) {
    DefineCustomRealVariable(name, help, more, variable, *variable, low, high, PGC_USERSET, 0, nullptr,
                             nullptr, nullptr);
}

void DefineInt(const char* name, const char* help, const char* more, int* variable, int low, int high,
               int flags) {
    DefineCustomIntVariable(name, help, more, variable, *variable, low, high, PGC_USERSET, flags, nullptr,
                            nullptr, nullptr);
}

void DefineMeasuring() {
    DefineNow();
    DefineInt("pulse.statement_timeout", "Sets the maximum run time of a segment definition.",
              "0 disables the limit.", &statement_timeout, 0, INT_MAX, GUC_UNIT_MS);
    DefineInt("pulse.lock_timeout",
              "Sets the maximum wait for other sessions, such as one that measures the same segment.",
              nullptr, &lock_timeout, 0, INT_MAX, GUC_UNIT_MS);
    DefineInt("pulse.sketch_size",
              "Sets the largest segment, in members, whose entries and exits are counted exactly.",
              "Above it they are estimated with a standard error of about 1/sqrt(size).", &sketch_size, 64,
              1 << 20, 0);
    DefineInt("pulse.inactive_after",
              "Sets the time without activity after which a member counts as inactive.", nullptr,
              &inactive_after, 1, INT_MAX, GUC_UNIT_MIN);
    DefineInt(
        "pulse.max_values",
        "Sets the number of values of an attribute that are kept by name; the rest is counted as other.",
        nullptr, &max_values, 1, 1000, 0);
}

void DefineThresholds() {
    DefineReal("pulse.size_change_threshold", "Sets the smallest relative change of size that is reported.",
               "1 disables the detector.", &size_change_threshold, 0, 1);
    DefineReal("pulse.distribution_shift_threshold",
               "Sets the smallest total variation distance of an attribute that is reported.",
               "1 disables the detector.", &distribution_shift_threshold, 0, 1);
    DefineReal("pulse.conversion_anomaly_threshold",
               "Sets the smallest relative change of the conversion rate that is reported.",
               "1 disables the detector.", &conversion_anomaly_threshold, 0, 1);
    DefineReal("pulse.inactivity_creep_threshold",
               "Sets the smallest relative increase of the inactive or leaving share that is reported.",
               "1 disables the detector.", &inactivity_creep_threshold, 0, 1);
    DefineReal("pulse.membership_churn_threshold",
               "Sets the smallest share of members replaced at equal size that is reported.",
               "1 disables the detector.", &membership_churn_threshold, 0, 1);
    DefineReal("pulse.null_spike_threshold",
               "Sets the smallest change of an attribute's share of null, or of NaN, that is reported.",
               "1 disables the detectors.", &null_spike_threshold, 0, 1);
    DefineReal("pulse.value_threshold",
               "Sets the smallest share of a new or vanished value that is reported.",
               "1 disables the detectors.", &value_threshold, 0, 1);
    DefineReal("pulse.slow_erosion_threshold",
               "Sets the smallest slow relative loss of members that is reported.",
               "1 disables the detector.", &slow_erosion_threshold, 0, 1);
    DefineReal("pulse.slow_growth_threshold",
               "Sets the smallest slow relative growth, beyond the growth before it, that is reported.",
               "1 disables the detector.", &slow_growth_threshold, 0, 1);
}

void DefineStatistics() {
    DefineReal("pulse.event_volume_threshold",
               "Sets the smallest relative change of the events of a day that is reported.",
               "Of an hour, twice that. 1 disables the detectors.", &event_volume_threshold, 0, 1);
    DefineReal("pulse.p_value", "Sets the largest p-value of a finding.", nullptr, &p_value, 0, 1);
    DefineReal("pulse.false_discovery_rate",
               "Sets the expected share of false findings among those of one check.", nullptr,
               &false_discovery_rate, 0, 1);
    DefineInt("pulse.baseline_window", "Sets the number of previous snapshots that form the baseline.",
              nullptr, &baseline_window, 1, 1000, 0);
    DefineInt("pulse.min_history", "Sets the number of snapshots needed to estimate a segment's own noise.",
              nullptr, &min_history, 1, 1000, 0);
    DefineInt(
        "pulse.resolve_after",
        "Sets the number of consecutive normal snapshots after which an incident is resolved automatically.",
        nullptr, &resolve_after, 1, 1000, 0);
    DefineInt(
        "pulse.settle_after",
        "Sets the number of snapshots without worsening after which the new values of an incident are normal.",
        "At least a day. The incident is resolved then, and later snapshots are compared with the new values. 0 disables it.",
        &settle_after, 0, 1000, 0);
    DefineInt(
        "pulse.reopen_within",
        "Sets the time after closing within which an incident is reopened instead of a new one being opened.",
        nullptr, &reopen_within, 0, INT_MAX, GUC_UNIT_MIN);
    DefineInt("pulse.unused_after",
              "Sets the time after which a segment that nobody uses or has worked with counts as unused.",
              "0 disables it.", &unused_after, 0, INT_MAX, GUC_UNIT_MIN);
}

void DefineHealth() {
    DefineInt("pulse.row_limit", "Sets the largest table, in rows, that a check reads completely.",
              "Larger tables are checked by catalog, indexes and samples, and the error is stated.",
              &row_limit, 1000, INT_MAX, 0);
    DefineInt("pulse.sample_rows", "Sets the target number of rows of a table sample.", nullptr, &sample_rows,
              1000, 10'000'000, 0);
    DefineInt("pulse.check_timeout", "Sets the maximum run time of the checks of one table.",
              "0 disables the limit.", &check_timeout, 0, INT_MAX, GUC_UNIT_MS);
}

// Settings of background workers, which sessions cannot change.
void DefineServerInt(const char* name, const char* help, const char* more, int* variable, int low, int high,
                     int flags) {
    DefineCustomIntVariable(name, help, more, variable, *variable, low, high, PGC_SIGHUP, flags, nullptr,
                            nullptr, nullptr);
}

void DefineWorker() {
    DefineCustomBoolVariable(
        "pulse.run_jobs", "Sets whether background workers run the jobs of pulse.job.",
        "Off stops all jobs, for maintenance; the functions behind them can still be called.", &run_jobs,
        true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineServerInt("pulse.max_parallel_jobs",
                    "Sets the maximum number of worker processes that run the jobs of one database.",
                    "They count against max_worker_processes.", &max_parallel_jobs, 1, 64, 0);
    constexpr const char* kForEver = "0 keeps it forever.";
    DefineServerInt("pulse.job_run_retention", "Sets how long pulse.job_run is kept.", kForEver,
                    &job_run_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt(
        "pulse.snapshot_retention", "Sets how long snapshots are kept.",
        "0 keeps them forever. Pinned baselines and snapshots that an open incident refers to are always kept.",
        &snapshot_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.sketch_retention", "Sets how long the member sketches of snapshots are kept.",
                    kForEver, &sketch_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.check_retention", "Sets how long results of table checks are kept.", kForEver,
                    &check_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.usage_retention",
                    "Sets how long pulse.source_usage and pulse.api_key_usage are kept.", kForEver,
                    &usage_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.audit_retention", "Sets how long pulse.audit is kept.", kForEver, &audit_retention,
                    0, INT_MAX, GUC_UNIT_MIN);
}

void DefineServerText(const char* name, const char* help, const char* more, char** variable,
                      const char* value) {
    DefineCustomStringVariable(name, help, more, variable, value, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

void DefineServerFlag(const char* name, const char* help, const char* more, bool* variable) {
    DefineCustomBoolVariable(name, help, more, variable, *variable, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

void DefineDelivery() {
    DefineServerFlag("pulse.send_messages", "Sets whether messages and questions to models are sent.",
                     "Off keeps them queued, for a copy of the database that must not send notifications.",
                     &send_messages);
    DefineServerFlag("pulse.allow_http",
                     "Sets whether connections to channels and models without TLS are allowed.",
                     "Also allows SMTP servers without STARTTLS.", &allow_http);
    DefineServerText(
        "pulse.allowed_hosts", "Sets the hosts that channels and models may use, separated by commas.",
        "* is every host with a public address, *.example.com those below a name. A loopback, private or "
        "link-local address is connected to only when its host, address or network (10.1.0.0/16) is listed.",
        &allowed_hosts, "*");
    DefineServerText("pulse.audit_channel", "Sets the channel that gets the checkpoints of the audit log.",
                     "Empty means none.", &audit_channel, "");
    DefineServerText("pulse.incident_url",
                     "Sets the link to an incident in messages; {id} stands for its number.",
                     "Empty means no link.", &incident_url, "");
    DefineServerInt("pulse.max_requests", "Sets the maximum number of concurrent requests of one database.",
                    nullptr, &max_requests, 1, 1000, 0);
    DefineServerInt("pulse.max_requests_per_host",
                    "Sets the maximum number of concurrent requests of one database to one host.", nullptr,
                    &max_requests_per_host, 1, 1000, 0);
    DefineServerInt("pulse.notify_within", "Sets the maximum age of an incident's event to be sent.",
                    "Older events are not sent, so that a replayed or imported history notifies nobody.",
                    &notify_within, 1, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.max_attachment", "Sets the largest report that is attached to a mail.",
                    "The mail says how to make a larger one. 0 attaches none.", &max_attachment, 0, 20 * 1024,
                    GUC_UNIT_KB);
    DefineServerInt(
        "pulse.message_lifetime",
        "Sets the maximum time that a due message waits for an unavailable channel.",
        "After it the message is given up; pulse_retry_message() can still send it. 0 disables the limit.",
        &message_lifetime, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.message_retention", "Sets how long finished messages and investigations are kept.",
                    "0 keeps them forever.", &message_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.audience_settling",
                    "Sets how long a platform may take to count people whom it was sent.",
                    "An audience that has changed much within this time is not compared with its size there.",
                    &audience_settling, 0, INT_MAX, GUC_UNIT_MIN);
    DefineCustomRealVariable(
        "pulse.audience_size_tolerance",
        "Sets by which share the size that a platform reports may differ from what was sent.",
        "Beyond it the next sync sends everybody again. 0 disables the comparison.", &audience_size_tolerance,
        audience_size_tolerance, 0, 1, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

void DefineAgent() {
    DefineServerText("pulse.agent_model", "Sets the server of pulse_model that investigates incidents.",
                     "Empty means the only one that exists.", &agent_model, "");
    DefineServerText("pulse.agent_severities",
                     "Sets the severities whose incidents are investigated automatically.",
                     "Such as 'critical, high'; empty means none.", &agent_severities, "");
    DefineServerInt("pulse.agent_max_steps",
                    "Sets the maximum number of requests to the model in one investigation.", nullptr,
                    &agent_max_steps, 1, 50, 0);
    DefineServerInt("pulse.agent_max_tokens", "Sets the maximum number of tokens of one investigation.",
                    nullptr, &agent_max_tokens, 1000, INT_MAX, 0);
    DefineServerInt("pulse.agent_daily_tokens",
                    "Sets the maximum number of tokens of all investigations within 24 hours.", nullptr,
                    &agent_daily_tokens, 0, INT_MAX, 0);
    DefineCustomRealVariable("pulse.agent_max_cost",
                             "Sets the maximum cost of one investigation, in the unit of the model's prices.",
                             "0 disables the limit.", &agent_max_cost, agent_max_cost, 0, 1e9, PGC_SIGHUP, 0,
                             nullptr, nullptr, nullptr);
    DefineCustomRealVariable("pulse.agent_daily_cost",
                             "Sets the maximum cost of all investigations within 24 hours.",
                             "0 disables the limit.", &agent_daily_cost, agent_daily_cost, 0, 1e9, PGC_SIGHUP,
                             0, nullptr, nullptr, nullptr);
    DefineServerFlag("pulse.agent_share_values",
                     "Sets whether a model may see values that fewer than 10 people have.",
                     "Off groups them into one value; keys of members are never shown.", &agent_share_values);
    DefineServerInt("pulse.agent_tool_timeout", "Sets the maximum run time of a tool that the model calls.",
                    nullptr, &agent_tool_timeout, 100, 600'000, GUC_UNIT_MS);
}

void DefineDiagnosis() {
    DefineInt("pulse.diagnosis_timeout",
              "Sets the maximum time for the questions that a diagnosis asks of a segment's source.",
              "Questions without an answer are named in the diagnosis. 0 asks nothing.", &diagnosis_timeout,
              0, INT_MAX, GUC_UNIT_MS);
    DefineInt(
        "pulse.diagnosis_total_timeout",
        "Sets the maximum time for the questions about all incidents of one pulse_diagnose_incidents().",
        "Incidents that come later are diagnosed without questions. 0 asks nothing.",
        &diagnosis_total_timeout, 0, INT_MAX, GUC_UNIT_MS);
}

// Calendar windows need a name of the time zone database.
bool CheckTimeZone(char** value, void**, GucSource) {
    if (**value && pg_tzset(*value)) return true;
    GUC_check_errdetail("\"%s\" is not a time zone.", *value);
    GUC_check_errhint("Give a name such as UTC or Europe/Berlin; pg_timezone_names lists them.");
    return false;
}

void DefineProfile() {
    static const config_enum_entry kEvaluations[] = {
        {"sync", kSync, false}, {"async", kAsync, false}, {nullptr, 0, false}};
    DefineCustomEnumVariable(
        "pulse.evaluation", "Sets when the effects of an event are evaluated.",
        "sync: in the transaction that ingests it. async: by the pipeline, shortly after commit.",
        &evaluation, kSync, kEvaluations, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("pulse.timezone", "Sets the time zone of days and calendar windows in rules.",
                               nullptr, &time_zone, "UTC", PGC_SIGHUP, 0, CheckTimeZone, nullptr, nullptr);
    DefineInt("pulse.max_batch", "Sets the maximum number of events in one call.", nullptr, &max_batch, 1,
              1'000'000, 0);
    DefineInt("pulse.max_event_size", "Sets the maximum size of an event.", "As JSON text.", &max_event_size,
              1024, 64 * 1024 * 1024, GUC_UNIT_BYTE);
    DefineInt("pulse.max_properties",
              "Sets the maximum number of properties of an event, including nested ones.", nullptr,
              &max_properties, 1, 100'000, 0);
    DefineInt("pulse.max_event_depth", "Sets the maximum nesting depth of the properties of an event.",
              nullptr, &max_event_depth, 1, 100, 0);
    DefineInt("pulse.clock_skew", "Sets the largest difference up to which a sender's clock is trusted.",
              "Above it times are corrected by the difference between sentAt and the time of arrival.",
              &clock_skew, 0, INT_MAX, GUC_UNIT_MS);
    DefineInt("pulse.max_event_age", "Sets the maximum age of an event to be ingested; import older ones.",
              "0 disables the limit.", &max_event_age, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.deduplication_horizon", "Sets how long message ids are kept to reject duplicates.",
                    "0 keeps them forever.", &deduplication_horizon, 0, INT_MAX, GUC_UNIT_MIN);
    DefineInt("pulse.retry_window",
              "Sets how long the same single event without message id and time counts as sent again.",
              "0 counts each.", &retry_window, 0, 3600, GUC_UNIT_S);
    DefineServerInt("pulse.tcf_vendor",
                    "Sets the id in IAB's global vendor list whose consent in TC strings counts for ads.",
                    "755 is Google Advertising Products; 0 ignores TC strings.", &tcf_vendor, 0, 65535, 0);
    DefineServerInt(
        "pulse.max_linked", "Sets the maximum number of profiles that merges combine into one person.",
        "An id that would link more, such as a shared device, merges nothing.", &max_linked, 1, 10'000, 0);
    constexpr const char* kForEver = "0 keeps them forever.";
    DefineServerInt("pulse.event_retention", "Sets how long events are kept.", kForEver, &event_retention, 0,
                    INT_MAX, GUC_UNIT_MIN);
    DefineServerInt(
        "pulse.event_order_after",
        "Sets how long after its end a month of events is frozen and put into the order of people.",
        "0 leaves months as they are.", &event_order_after, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.event_order_size",
                    "Sets the size up to which a month of events is put into the order of people.",
                    "A copy of this size is on disk meanwhile. Larger months are only frozen.",
                    &event_order_size, 0, INT_MAX, GUC_UNIT_MB);
    DefineServerInt("pulse.event_archive_after",
                    "Sets how long after its end a month of events moves to pulse.event_archive_server.",
                    "0 leaves months where they are.", &event_archive_after, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerText("pulse.event_archive_server",
                     "Sets the server of postgres_fdw to which old months of events move.",
                     "Empty means none.", &event_archive_server, "");
    DefineServerInt("pulse.rejected_event_retention", "Sets how long rejected events are kept.", kForEver,
                    &rejected_event_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.erasure_refusal",
                    "Sets how long events of a person are refused after pulse_erase_profile().", nullptr,
                    &erasure_refusal, 60, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.erasure_retention",
                    "Sets how long erasures are kept: longer than the oldest backup.", kForEver,
                    &erasure_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.membership_change_retention", "Sets how long pulse.membership_change is kept.",
                    kForEver, &membership_change_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.exposure_retention", "Sets how long pulse.exposure is kept.", kForEver,
                    &exposure_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.export_retention", "Sets how long the files of pulse_export_segment() are kept.",
                    kForEver, &export_retention, 0, INT_MAX, GUC_UNIT_MIN);
    DefineServerInt("pulse.export_link_expiry", "Sets how long a token of an export can be used.", nullptr,
                    &export_link_expiry, 1, 7 * 24 * 60 * 60, GUC_UNIT_S);
    DefineServerInt("pulse.max_exports", "Sets the maximum number of exported files.", nullptr, &max_exports,
                    0, 10'000, 0);
    DefineServerInt("pulse.max_export_size", "Sets the maximum size of all exported files together.", nullptr,
                    &max_export_size, 0, 1024 * 1024, GUC_UNIT_MB);
    DefineInt(
        "pulse.build_at_once",
        "Sets the largest number of profiles for which the defining statement itself builds a definition.",
        "With more the pipeline builds it in the background, or CALL pulse_build() in the foreground.",
        &build_at_once, 0, INT_MAX, 0);
    DefineCustomRealVariable("pulse.exposure_sample",
                             "Sets the fraction of people whose exposures are recorded in pulse.exposure.",
                             "Each person, flag, variant and day is recorded at most once.", &exposure_sample,
                             exposure_sample, 0, 1, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

void DefineWeb() {
    DefineServerInt(
        "pulse.metrics_limit",
        "Sets the maximum number of segments, jobs and sources that pulse_metrics() shows one by one.",
        "Each is a time series of its own in the monitoring system.", &metrics_limit, 0, 10'000, 0);
}

}  // namespace

const char* TimeZone() {
    return time_zone;
}

const char* AllowedHosts() {
    return allowed_hosts;
}

const char* IncidentUrl() {
    return incident_url ? incident_url : "";
}

const char* AgentSeverities() {
    return agent_severities ? agent_severities : "";
}

const char* AuditChannel() {
    return audit_channel;
}

const char* EventArchiveServer() {
    return event_archive_server;
}

const char* AgentModel() {
    return agent_model;
}

void Define() {
    DefineMeasuring();
    DefineThresholds();
    DefineStatistics();
    DefineHealth();
    DefineWorker();
    DefineDelivery();
    DefineAgent();
    DefineDiagnosis();
    DefineProfile();
    DefineWeb();
    MarkGUCPrefixReserved("pulse");
}

}  // namespace pulse::pg::settings
