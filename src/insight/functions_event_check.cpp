// pulse_check_events() and what it found.
#include "pulse/base/error.hpp"
#include "pulse/base/number.hpp"
#include "pulse/base/time_text.hpp"
#include "pulse/insight/store_event_check.hpp"
#include "pulse/insight/store_event_summary.hpp"
#include "pulse/insight/store_question.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

void ReportEventCheck(const EventCheckCounts& counts, size_t findings) {
    if (counts.done_until) {
        pg::Notice("events were checked up to " + FormatMinute(*counts.done_until),
                   "The next hour is checked ten minutes after it ends.");
        return;
    }
    std::string text = "checked " + Thousands(static_cast<int64_t>(counts.series)) + " series and " +
                       Thousands(static_cast<int64_t>(counts.properties)) +
                       " properties of events: " + Plural(static_cast<int64_t>(findings), "finding");
    if (counts.young > 0) text += ", " + std::to_string(counts.young) + " with less than 14 days of history";
    if (counts.more) text += "; only the largest series were checked";
    pg::Notice(text);
}

}  // namespace

}  // namespace pulse::insight

namespace pg = pulse::pg;
namespace insight = pulse::insight;

PULSE_WRITING_FUNCTION(pulse_check_events) {
    pg::ResultSet results(fcinfo);
    const pulse::Moment now = pg::PastNow();
    const pg::OwnerSession session;
    const insight::EventCheckCounts counts = insight::CheckEvents(now);
    const pg::Result rows = insight::LiveEventIncidents();
    pg::AddRows(results, rows);
    insight::ReportEventCheck(counts, rows.size());
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_event_anomalies) {
    const pg::Args args(fcinfo);
    const insight::TimeRange range = insight::LastDays(args);
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(results, insight::EventAnomalies(range.since, range.until, args.Text(2)));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_event_anomaly_summary) {
    pg::Json summary;
    {
        const pg::OwnerSession session;
        summary = insight::EventAnomalySummary(pg::Now());
    }
    return pg::FromJson(summary);
}
