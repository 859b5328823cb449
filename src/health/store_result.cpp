// Stores what was measured: results, the state of checks, incidents.
#include <algorithm>

#include "pulse/drift/store.hpp"
#include "pulse/health/arrival_pattern.hpp"
#include "pulse/health/store.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::health {

namespace {

using pg::Value;

// A late or empty table causes other incidents of it and of the segments that read it.
bool IsCause(const drift::Fingerprint& fingerprint) {
    return fingerprint.detector == Detector(CheckType::kFreshness) ||
           fingerprint.detector == Detector(CheckType::kVolume);
}

bool IsBad(const CheckResult& result) {
    return result.status == CheckStatus::kBad || result.status == CheckStatus::kError;
}

// What still learns has no problem: a check that was repaired is good, whether or not its history is long
// enough. A skipped check says nothing.
bool IsGood(const CheckResult& result) {
    return result.status == CheckStatus::kOk || result.status == CheckStatus::kLearning;
}

void InsertResult(const StoredCheck& stored, const CheckResult& result, const CheckMeasurement* m,
                  Moment now) {
    static pg::Statement statement(
        "INSERT INTO pulse.check_result (check_id, at, status, observed, expected_low, expected_high, "
        "standard_error, rows, "
        "sampled, plan_cost, duration_ms, message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
        "$12)",
        {INT8OID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID,
         FLOAT8OID, FLOAT8OID, TEXTOID});
    const bool read = m && m->reading == ReadStatus::kRead;
    const auto figure = [&](double number) { return read ? Value::Float8(number) : Value::Null(FLOAT8OID); };
    statement.Execute({Value::Int8(stored.id), Value::Time(now), Value::Text(Name(result.status)),
                       Value::Float8(result.observed), Value::Float8(result.low), Value::Float8(result.high),
                       read && m->sampled ? Value::Float8(m->error) : Value::Null(FLOAT8OID),
                       figure(read ? m->rows : 0), read ? Value::Float8(m->sampled) : Value::Null(FLOAT8OID),
                       figure(read ? m->plan_cost : 0), figure(read ? m->duration_ms : 0),
                       Value::Text(result.message)});
}

// The silences around those moments that the check itself saw, for a table that does not keep its rows so
// long.
void AddSeenSilences(const StoredCheck& stored, Moment now, std::vector<Silence>& silences) {
    static pg::Statement statement(
        "SELECT p.t, b.at - b.observed * interval '1 second', a.at - a.observed * interval '1 second' FROM "
        "(SELECT m::timestamptz AS t FROM pg_catalog.unnest($2) AS m) AS p CROSS JOIN LATERAL (SELECT "
        "r.at, r.observed FROM pulse.check_result AS r WHERE r.check_id = $1 AND r.at <= t AND r.at > t - $3 * interval '1 second' AND r.observed IS NOT "
        "NULL ORDER BY r.at DESC LIMIT 1) AS b CROSS JOIN LATERAL (SELECT r.at, r.observed FROM "
        "pulse.check_result AS r WHERE r.check_id = $1 AND r.at > t AND r.at < $4 AND r.at - r.observed * "
        "interval '1 second' > t ORDER BY r.at LIMIT 1) AS a",
        {INT8OID, TEXTARRAYOID, FLOAT8OID, TIMESTAMPTZOID});
    std::vector<std::string> moments;
    for (const Moment at : PastMoments(now))
        if (silences.empty() || at < silences.front().at) moments.push_back(FormatMoment(at));
    if (moments.empty()) return;
    const auto around = static_cast<double>(std::max(kHour, 2 * stored.every)) / kSecond;
    const pg::Result rows = statement.Execute(
        {Value::Int8(stored.id), Value::Texts(moments), Value::Float8(around), Value::Time(now)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        silences.push_back({rows[i].Time(0), rows[i].Time(1), rows[i].Time(2)});
}

// Reloads the state of the monitor, which other sessions may have changed while no transaction was open.
// Returns false when the monitor has ended.
bool Refresh(MonitorRun& run) {
    static pg::Statement monitor(
        "SELECT FROM pulse.monitor WHERE id = $1 AND status = 'active' FOR NO KEY UPDATE", {INT8OID});
    static pg::Statement checks(
        "SELECT id, state, consecutive_bad, bad_since FROM pulse.monitor_check WHERE monitor_id = $1 ORDER "
        "BY id",
        {INT8OID});
    if (monitor.Execute({Value::Int8(run.monitor)}).processed() == 0) return false;
    const pg::Result rows = checks.Execute({Value::Int8(run.monitor)});
    for (StoredCheck& stored : run.checks) {
        stored.gone = true;
        for (uint64_t i = 0; i < rows.size() && stored.gone; ++i) {
            if (rows[i].Int8(0) != stored.id) continue;
            stored.gone = false;
            stored.state = rows[i].Jsonb(1);
            stored.consecutive_bad = rows[i].Int4(2);
            stored.bad_since = rows[i].TimeOrNull(3);
        }
    }
    return true;
}

bool OfWholeTable(const CheckMeasurement& m) {
    return m.state == sqlstate::kUndefinedTable || m.state == sqlstate::kInsufficientPrivilege;
}

// Updates the check's state, its count of consecutive results and its next run.
void UpdateState(StoredCheck& stored, const CheckResult& result, Moment now) {
    static pg::Statement statement(
        "UPDATE pulse.monitor_check SET next_check_at = $2, state = coalesce($3, state), consecutive_bad = "
        "$4, "
        "consecutive_good = CASE WHEN $6 IN ('ok', 'learning') THEN consecutive_good + 1 WHEN $4 > 0 THEN 0 ELSE "
        "consecutive_good END, "
        "bad_since = $5, last_at = $7, last_status = $6, last_message = $8 WHERE id = $1",
        {INT8OID, TIMESTAMPTZOID, JSONBOID, INT4OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, TEXTOID});
    if (IsBad(result)) {
        ++stored.consecutive_bad;
        if (!stored.bad_since) stored.bad_since = now;
    } else if (IsGood(result)) {
        stored.consecutive_bad = 0;
        stored.bad_since.reset();
    }
    statement.Execute({Value::Int8(stored.id), Value::Time(now + stored.every),
                       result.state.is_object() ? Value::Jsonb(result.state) : Value::Null(JSONBOID),
                       Value::Int4(stored.consecutive_bad), Value::Time(stored.bad_since),
                       Value::Text(Name(result.status)), Value::Time(now), Value::Text(result.message)});
}

drift::DetectorResult OutcomeOf(const StoredCheck& stored, const CheckResult& result,
                                const drift::Fingerprint& fingerprint) {
    drift::DetectorResult outcome;
    outcome.ratio = result.ratio;
    outcome.material = IsBad(result);
    outcome.supported = outcome.material;
    drift::Finding& finding = outcome.finding;
    finding.fingerprint = fingerprint;
    finding.direction = result.direction;
    finding.observed = result.observed;
    const bool down = result.direction == drift::Direction::kDown;
    finding.baseline = down && result.low ? result.low : result.high ? result.high : result.low;
    if (result.details.contains("new_rows")) finding.observed = result.details["new_rows"].get<double>();
    if (result.details.contains("expected")) finding.baseline = result.details["expected"].get<double>();
    if (finding.baseline && finding.observed && *finding.baseline != 0)
        finding.change = *finding.observed / *finding.baseline - 1;
    finding.threshold = finding.baseline.value_or(0);
    finding.baseline_kind = stored.check.type == CheckType::kVolume && stored.check.anomaly
                                ? drift::BaselineKind::kSeasonal
                                : drift::BaselineKind::kExpected;
    finding.severity = result.severity.value_or(drift::SeverityOf(result.ratio));
    finding.onset = result.onset ? result.onset : stored.bad_since;
    finding.details = result.details;
    finding.summary = result.status == CheckStatus::kError
                          ? std::string("check ") + Name(stored.check.type) + " fails: " + result.message
                          : result.message;
    return outcome;
}

// The group of the live incident that says the table is late or empty.
std::optional<int64_t> CauseOf(int64_t monitor) {
    static pg::Statement statement(
        "SELECT coalesce(group_id, id) FROM pulse.incident_record WHERE monitor_id = $1 AND status IN "
        "('open', 'acknowledged') "
        "AND detector IN ('table_freshness', 'table_volume') ORDER BY since, id LIMIT 1",
        {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(monitor)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

// Attaches incidents of segments that opened before the table's incident and have the same cause.
void AttachSegmentIncidents(Moment since) {
    static pg::Statement orphans(
        "SELECT id, segment_id, since FROM pulse.incident_record WHERE segment_id IS NOT NULL AND status IN "
        "('open', "
        "'acknowledged') AND since >= $1 ORDER BY id",
        {TIMESTAMPTZOID});
    static pg::Statement adopt("UPDATE pulse.incident_record SET group_id = $2 WHERE id = $1",
                               {INT8OID, INT8OID});
    const pg::Result rows = orphans.Execute({Value::Time(since)});
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (const auto cause = drift::FindTableCauseGroup(rows[i].Int8(1), rows[i].Time(2)))
            adopt.Execute({Value::Int8(rows[i].Int8(0)), Value::Int8(*cause)});
}

void MoveIncidents(const MonitorRun& run, std::vector<drift::DetectorResult> outcomes,
                   drift::IncidentTracker& tracker, const drift::Thresholds& thresholds) {
    const std::optional<std::string> source =
        run.place.source.empty() ? std::nullopt : std::optional(run.place.source);
    drift::ApplyMutes(drift::ReadMutes(), "table", run.relation,
                      source ? std::vector<std::string>{*source} : std::vector<std::string>(), run.now,
                      outcomes);
    // The cause first, so that its consequences join its group.
    std::stable_partition(outcomes.begin(), outcomes.end(), [](const drift::DetectorResult& outcome) {
        return IsCause(outcome.finding.fingerprint);
    });
    drift::Point point;
    point.moment = run.now;
    tracker.Apply(point, outcomes, 1, thresholds);
    std::vector<drift::Incident>& incidents = tracker.incidents();
    std::optional<Moment> began;
    for (const drift::Incident& incident : incidents)
        if (incident.id == 0 && IsCause(incident.finding.fingerprint))
            began = std::min(began.value_or(incident.since), incident.since);
    drift::WriteIncidents({.segment = {}, .monitor = run.monitor, .relation = run.relation, .source = source},
                          incidents, run.now, CauseOf(run.monitor));
    if (began) AttachSegmentIncidents(*began);
}

}  // namespace

std::vector<CheckReport> StoreResults(const MonitorRun& loaded, const RunMeasurements& measured) {
    const pg::OwnerSession session;
    MonitorRun run = loaded;
    if (!Refresh(run)) return {};
    pg::Execute(
        "UPDATE pulse.monitor SET checked_at = CASE WHEN $3::text IS NULL THEN $2 ELSE checked_at END, "
        "unavailable = $3 WHERE id = $1",
        {Value::Int8(run.monitor), Value::Time(run.now), Value::Text(measured.unavailable)});
    drift::Thresholds thresholds = drift::ThresholdsFromSettings();
    thresholds.settle_after = 0;  // a check's own history decides what is normal
    drift::IncidentTracker tracker = drift::ReadMonitorIncidents(run.monitor, run.now, thresholds);
    std::vector<drift::DetectorResult> outcomes;
    std::vector<CheckReport> reports;
    std::string trouble;
    for (size_t i = 0; i < run.checks.size(); ++i) {
        StoredCheck& stored = run.checks[i];
        if (stored.gone) continue;
        CheckResult result;
        if (measured.unavailable) {
            result.status = CheckStatus::kSkipped;
            result.message = *measured.unavailable;
        } else {
            CheckMeasurement m = measured.measurements[i];
            if (stored.check.type == CheckType::kFreshness && !stored.check.max_age && m.age)
                AddSeenSilences(stored, run.now, m.silences);
            result = EvaluateCheck(stored.check, m,
                                   {run.relation, run.now, stored.every, thresholds.min_history, stored.state,
                                    stored.history, stored.empty_weeks});
        }
        // A table that is gone or no longer readable is reported once, not by every check.
        if (result.status == CheckStatus::kError && OfWholeTable(measured.measurements[i])) {
            if (trouble == result.message) result.status = CheckStatus::kSkipped;
            trouble = result.message;
        }
        InsertResult(stored, result, measured.unavailable ? nullptr : &measured.measurements[i], run.now);
        UpdateState(stored, result, run.now);
        const drift::Fingerprint fingerprint{Detector(stored.check.type), stored.check.Attribute()};
        drift::DetectorResult outcome = OutcomeOf(stored, result, fingerprint);
        const bool enough = stored.consecutive_bad >= stored.check.after || result.ratio >= kFar ||
                            !tracker.IsNew(fingerprint, run.now);
        if (outcome.material ? enough : IsGood(result)) outcomes.push_back(std::move(outcome));
        std::string name = Name(stored.check.type);
        if (!fingerprint.attribute.empty()) name += " " + fingerprint.attribute;
        reports.push_back(
            {stored.check.type, run.relation, std::move(name), std::move(result), std::nullopt});
    }
    MoveIncidents(run, std::move(outcomes), tracker, thresholds);
    auto one = reports.begin();
    for (const StoredCheck& stored : run.checks) {
        if (stored.gone) continue;
        const drift::Incident* incident =
            tracker.Newest({Detector(stored.check.type), stored.check.Attribute()});
        if (incident && incident->live()) one->incident = incident->id;
        ++one;
    }
    return reports;
}

}  // namespace pulse::health
