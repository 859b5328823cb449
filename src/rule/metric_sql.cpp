// A metric as SQL: aggregates over rows e of pulse.event.
#include "pulse/base/error.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile_scope.hpp"
#include "pulse/rule/sequence.hpp"
#include "pulse/rule/consent.hpp"
#include "pulse/rule/static_segment.hpp"

namespace pulse::rule {

namespace {

constexpr const char* kListLimit = "1000";

// The JSON types that an aggregate of a property reads; empty for aggregates without a property.
const char* KindsOf(Aggregate aggregate) {
    switch (aggregate) {
        case Aggregate::kSum:
        case Aggregate::kAverage:
        case Aggregate::kMedian:
        case Aggregate::kP95: return "'number'";
        case Aggregate::kMin:
        case Aggregate::kMax: return "'number', 'string'";
        case Aggregate::kList: return "'string'";
        case Aggregate::kFirst:
        case Aggregate::kLast:
        case Aggregate::kMode:
        case Aggregate::kDistinct: return "'number', 'string', 'boolean'";
        default: return "";
    }
}

class MetricCompiler {
  public:
    MetricCompiler(const Metric& metric, const std::string& now_sql, const std::string& time_zone)
        : metric_(metric), now_(now_sql), zone_(QuoteText(time_zone)) {
        if (!metric.property.empty()) property_ = JsonPath("e.properties", metric.property);
        if (!metric.event.empty()) which_ = "e.name = " + QuoteText(metric.event);
        if (metric.filter)
            which_ += (which_.empty() ? "" : " AND ") +
                      Compile(*metric.filter, PropertyScope("e.properties"), Expect::kBoolean, now_sql).sql;
        const std::string kinds = KindsOf(metric.aggregate);
        if (!kinds.empty()) kind_ = "pg_catalog.jsonb_typeof(" + property_ + ") IN (" + kinds + ")";
        usable_ = which_ + (which_.empty() || kind_.empty() ? "" : " AND ") + kind_;
    }

    MetricSql Get() const {
        MetricSql sql{.type = TypeOf(metric_), .sql_type = SqlTypeOf(metric_), .value = ValueSql()};
        sql.empty =
            sql.type == ValueType::kNumber && IsNullWithoutEvents() ? "NULL::numeric" : Empty(sql.type);
        sql.until = Until();
        sql.counted = which_ + (which_.empty() ? "" : " AND ") + InWindow();
        sql.bare = ValueSql(true);
        if (!metric_.event.empty()) sql.events = {metric_.event};
        sql.oldest = Oldest();
        sql.incremental = FindIncremental();
        return sql;
    }

  private:
    std::optional<IncrementalSpec> FindIncremental() const {
        switch (metric_.aggregate) {
            case Aggregate::kCount:
            case Aggregate::kExists:
            case Aggregate::kSum:
            case Aggregate::kFirstSeen:
            case Aggregate::kLastSeen: break;
            default: return std::nullopt;
        }
        const Window& window = metric_.window;
        if (window.kind == Window::Kind::kCalendar || window.to != 0) return std::nullopt;
        IncrementalSpec incremental{.aggregate = metric_.aggregate,
                                    .window = window.kind == Window::Kind::kSliding ? window.from : 0};
        if (metric_.filter)
            incremental.usable = Compile(*metric_.filter, PropertyScope("$1"), Expect::kBoolean, now_).sql;
        // A filter that depends on now cannot be incremental.
        if (incremental.usable.find(now_) != std::string::npos) return std::nullopt;
        if (metric_.aggregate == Aggregate::kSum) {
            const std::string property = JsonPath("$1", metric_.property);
            incremental.usable += (incremental.usable.empty() ? "" : " AND ") +
                                  ("pg_catalog.jsonb_typeof(" + property + ") = 'number'");
            incremental.number = "pulse.to_number(" + property + ")";
        }
        return incremental;
    }

    bool IsNullWithoutEvents() const {
        return metric_.aggregate == Aggregate::kAverage || metric_.aggregate == Aggregate::kMedian ||
               metric_.aggregate == Aggregate::kP95;
    }

    static std::string Empty(ValueType type) {
        switch (type) {
            case ValueType::kNumber: return "0::numeric";
            case ValueType::kBoolean: return "false";
            case ValueType::kTimestamp: return "NULL::timestamptz";
            case ValueType::kArray: return "NULL::text[]";
            default: return "NULL::jsonb";
        }
    }

    // FILTER (WHERE these events and …)
    std::string Filter(const std::string& which, const std::string& when) const {
        return " FILTER (WHERE " + which + (which.empty() ? "" : " AND ") + when + ")";
    }

    std::string Unit() const {
        switch (metric_.window.unit) {
            case Window::Unit::kDay: return "day";
            case Window::Unit::kWeek: return "week";
            case Window::Unit::kMonth: return "month";
        }
        return "day";
    }

    // The local midnight at which the current day, week or month began, moved by some; timestamp.
    std::string LocalStart(int by) const {
        const std::string begin =
            "pg_catalog.date_trunc('" + Unit() + "', " + now_ + " AT TIME ZONE " + zone_ + ")";
        if (by == 0) return begin;
        return "(" + begin + (by > 0 ? " + " : " - ") + "interval '" + std::to_string(std::abs(by)) + " " +
               Unit() + "')";
    }

    // The condition for events in the window.
    std::string InWindow() const {
        const Window& window = metric_.window;
        const std::string past = "e.time <= " + PlusSeconds(now_, -window.to);
        switch (window.kind) {
            case Window::Kind::kAll: return past;
            case Window::Kind::kSliding:
                return "e.time > " + PlusSeconds(now_, -window.from) + " AND " + past;
            case Window::Kind::kCalendar:
                return "(e.time AT TIME ZONE " + zone_ + ") >= " + LocalStart(1 - window.count) + " AND " +
                       past;
        }
        return past;
    }

    std::string Oldest() const {
        switch (metric_.window.kind) {
            case Window::Kind::kAll: return "";
            case Window::Kind::kSliding: return PlusSeconds(now_, -metric_.window.from);
            // One day more covers every time zone.
            case Window::Kind::kCalendar:
                return "((" + LocalStart(1 - metric_.window.count) +
                       " AT TIME ZONE 'UTC') - interval '48:00:00')";
        }
        return "";
    }

    static std::string Count(const std::string& what, const std::string& filter) {
        return "(pg_catalog.count(" + what + ")" + filter + ")::numeric";
    }

    std::string Number() const { return "pulse.to_number(" + property_ + ")"; }
    std::string TextValue() const {
        return "CASE WHEN pg_catalog.jsonb_typeof(" + property_ + ") = 'string' THEN " + property_ +
               " #>> '{}' END COLLATE pg_catalog.\"C\"";
    }

    // The order of events, newest or oldest first.
    static std::string InOrder(bool newest) {
        const std::string down = newest ? " DESC" : "";
        return " ORDER BY e.time" + down + ", e.received_at" + down + ", e.id" + down;
    }

    // With `bare` only over the matching events, else over all events with a filter.
    std::string ValueSql(bool bare = false) const {
        const std::string counted = bare ? "" : Filter(which_, InWindow()),
                          used = !bare           ? Filter(usable_, InWindow())
                                 : kind_.empty() ? ""
                                                 : " FILTER (WHERE " + kind_ + ")";
        switch (metric_.aggregate) {
            case Aggregate::kCount: return Count("*", counted);
            case Aggregate::kExists: return "(pg_catalog.count(*)" + counted + " > 0)";
            case Aggregate::kUniqueDays:
                return Count("DISTINCT (e.time AT TIME ZONE " + zone_ + ")::date", counted);
            case Aggregate::kFirstSeen: return "pg_catalog.min(e.time)" + counted;
            case Aggregate::kLastSeen: return "pg_catalog.max(e.time)" + counted;
            case Aggregate::kSum: return "COALESCE(pg_catalog.sum(" + Number() + ")" + counted + ", 0)";
            case Aggregate::kAverage: return "pg_catalog.avg(" + Number() + ")" + counted;
            case Aggregate::kMin:
            case Aggregate::kMax: {
                const std::string name =
                    metric_.aggregate == Aggregate::kMin ? "pg_catalog.min(" : "pg_catalog.max(";
                return "COALESCE(pg_catalog.to_jsonb(" + name + Number() + ")" + counted +
                       "), pg_catalog.to_jsonb(" + name + TextValue() + ")" + counted + "))";
            }
            // percentile_disc semantics: the smallest value that at least this share does not exceed.
            case Aggregate::kMedian:
                return "pg_catalog.percentile_disc(0.5) WITHIN GROUP (ORDER BY " + Number() + ")" + used;
            case Aggregate::kP95:
                return "pg_catalog.percentile_disc(0.95) WITHIN GROUP (ORDER BY " + Number() + ")" + used;
            case Aggregate::kFirst:
            case Aggregate::kLast:
                return "(pg_catalog.array_agg(" + property_ + InOrder(metric_.aggregate == Aggregate::kLast) +
                       ")" + used + ")[1]";
            case Aggregate::kMode:
                return "pg_catalog.mode() WITHIN GROUP (ORDER BY " + property_ + ")" + used;
            case Aggregate::kDistinct:
                return "(pg_catalog.count(DISTINCT " + property_ + ")" + used + ")::numeric";
            case Aggregate::kList:
                return "(pg_catalog.array_agg(DISTINCT " + TextValue() + " ORDER BY " + TextValue() + ")" +
                       used + ")[1:" + kListLimit + "]";
            case Aggregate::kSequence:
            case Aggregate::kStatic:
            case Aggregate::kConsent: break;
        }
        return "";
    }

    // The first instant at which an event leaves or enters the window.
    std::string Until() const {
        const Window& window = metric_.window;
        const std::string now_end = PlusSeconds(now_, -window.to);
        const std::string comes =
            PlusSeconds("pg_catalog.min(e.time)" + Filter(usable_, "e.time > " + now_end), window.to);
        const std::string in_window = Filter(usable_, InWindow());
        if (window.kind == Window::Kind::kAll) return comes;
        if (window.kind == Window::Kind::kSliding) {
            // These two change only when the newest event leaves.
            const bool newest =
                metric_.aggregate == Aggregate::kExists || metric_.aggregate == Aggregate::kLastSeen;
            return "LEAST(" + comes + ", " +
                   PlusSeconds((newest ? "pg_catalog.max(e.time)" : "pg_catalog.min(e.time)") + in_window,
                               window.from) +
                   ")";
        }
        // Where clocks are set back over midnight, the new day begins before the instant that its midnight
        // names.
        std::string sql = "LEAST(" + comes;
        for (const char* early :
             {"", " - interval '00:30:00'", " - interval '01:00:00'", " - interval '02:00:00'"}) {
            const std::string border = "((" + LocalStart(1) + " AT TIME ZONE " + zone_ + ")" + early + ")";
            sql += ", CASE WHEN pg_catalog.count(*)" + in_window + " > 0 AND " + border + " > " + now_ +
                   " THEN " + border + " END";
        }
        return sql + ")";
    }

    const Metric& metric_;
    const std::string& now_;
    std::string zone_, property_;
    std::string which_, kind_, usable_;  // conditions on an event; its property is of the right kind; both
};

}  // namespace

const char* EventsFrom(EventRows rows) {
    switch (rows) {
        case EventRows::kAll: return "pulse.event AS v WHERE ";
        case EventRows::kLocal: return "pulse.event AS v WHERE NOT v.archived AND ";
        case EventRows::kRecalled: break;
    }
    return "(SELECT h.id, h.profile_id, h.time, h.received_at, h.name, h.properties FROM pulse.event AS h"
           " WHERE NOT h.archived UNION ALL SELECT r.id, r.profile_id, r.time, r.received_at, r.name,"
           " r.properties FROM pulse.event_recalled AS r) AS v WHERE ";
}

MetricSql CompileMetric(const Metric& metric, const std::string& now_sql, const std::string& time_zone,
                        const std::string& profile_sql, EventRows rows) {
    if (metric.aggregate == Aggregate::kSequence) return CompileSequence(metric, now_sql, profile_sql, rows);
    if (metric.aggregate == Aggregate::kStatic) return CompileStaticSegment(metric, now_sql, profile_sql);
    if (metric.aggregate == Aggregate::kConsent) return CompileConsent(metric, now_sql, profile_sql);
    return MetricCompiler(metric, now_sql, time_zone).Get();
}

}  // namespace pulse::rule
