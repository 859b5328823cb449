// A chain of events e1, e2, … of one person, each later than the one before: EXISTS inside EXISTS, and NOT
// EXISTS for absent steps. Any events may form the chain; one chain is enough.
#include "pulse/rule/sequence.hpp"

#include <algorithm>

#include "pulse/rule/profile_scope.hpp"
#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

namespace {

class SequenceCompiler {
  public:
    SequenceCompiler(const Metric& metric, const std::string& now_sql, const std::string& profile_sql,
                     EventRows rows)
        : metric_(metric), now_(now_sql), profile_(profile_sql), events_(EventsFrom(rows)) {}

    MetricSql Get() const {
        MetricSql sql{
            .type = ValueType::kBoolean, .sql_type = "boolean", .value = "EXISTS (" + From(0, 0) + ")"};
        sql.empty = "false";
        sql.until = Until();
        if (metric_.window.kind == Window::Kind::kSliding)
            sql.oldest = PlusSeconds(now_, -metric_.window.from);
        sql.correlated = true;
        bool any = false;
        for (const SequenceStep& step : metric_.steps) {
            any = any || step.event.empty();
            if (std::find(sql.events.begin(), sql.events.end(), step.event) == sql.events.end())
                sql.events.push_back(step.event);
        }
        if (any) sql.events.clear();
        return sql;
    }

  private:
    static std::string Alias(size_t step) { return "e" + std::to_string(step + 1); }

    // SELECT FROM the events v of the person that match the step and the condition `when` on v.time. Joins
    // from the person to the events even if planned while the tables are empty; the other way round, each
    // person would cost a scan of all events.
    std::string Events(size_t step, const std::string& before, const std::string& when) const {
        const SequenceStep& node = metric_.steps[step];
        const std::string e = Alias(step), m = "m" + std::to_string(step + 1);
        std::string sql = "SELECT FROM pulse.profile " + m +
                          " CROSS JOIN LATERAL (SELECT v.time, v.properties FROM " + events_ +
                          "v.profile_id = " + m + ".id";
        if (!node.event.empty()) sql += " AND v.name = " + QuoteText(node.event);
        sql += " AND v.time <= " + now_ + when + " OFFSET 0) " + e + " WHERE " + m +
               ".canonical_id = " + profile_;
        if (!node.filter) return sql;
        const PropertyScope scope(e + ".properties", before.empty() ? "" : before + ".properties");
        return sql + " AND " + Compile(*node.filter, scope, Expect::kBoolean, now_).sql;
    }

    // The chain starting at a present step; `before` is the previous present step.
    std::string From(size_t step, size_t before) const {
        const SequenceStep& node = metric_.steps[step];
        const std::string e = Alias(step), last = step == 0 ? "" : Alias(before);
        std::string when;
        if (metric_.window.kind == Window::Kind::kSliding)
            when += " AND v.time > " + PlusSeconds(now_, -metric_.window.from);
        if (step > 0) when += " AND v.time > " + last + ".time";
        if (step > 0 && node.within > 0) when += " AND v.time <= " + PlusSeconds(last + ".time", node.within);
        std::string sql = Events(step, last, when);
        size_t next = step + 1;
        // Absent steps before a present step are decided once that step is known.
        while (next < metric_.steps.size() && metric_.steps[next].absent) ++next;
        for (size_t i = before + 1; step > 0 && i < step; ++i)
            if (metric_.steps[i].within == 0) sql += " AND " + Absent(i, last, e);
        for (size_t i = step + 1; i < next; ++i)
            if (metric_.steps[i].within > 0 || next == metric_.steps.size())
                sql += " AND " + Absent(i, e, "");
        if (next < metric_.steps.size()) sql += " AND EXISTS (" + From(next, step) + ")";
        return sql;
    }

    // No such event after `after`: within a time that has passed, before `until`, or up to now.
    std::string Absent(size_t step, const std::string& after, const std::string& until) const {
        const SequenceStep& node = metric_.steps[step];
        std::string when = " AND v.time > " + after + ".time", over;
        if (node.within > 0) {
            const std::string end = PlusSeconds(after + ".time", node.within);
            over = end + " <= " + now_ + " AND ";
            when += " AND v.time <= " + end;
        } else if (!until.empty()) {
            when += " AND v.time < " + until + ".time";
        }
        return over + "NOT EXISTS (" + Events(step, after, when) + ")";
    }

    // Time alone can change the result only at the time of an event, or a duration of the sequence after
    // it.
    std::string Until() const {
        std::vector<int64_t> spans;
        std::string names;
        bool any = false;
        for (const SequenceStep& step : metric_.steps) {
            if (step.within > 0) spans.push_back(step.within);
            any = any || step.event.empty();
            names += (names.empty() ? "" : ", ") + QuoteText(step.event);
        }
        if (metric_.window.kind == Window::Kind::kSliding) spans.push_back(metric_.window.from);
        std::string instants = "(e.time)";
        for (const int64_t span : spans)
            instants += ", (CASE WHEN e.time <= " + now_ + " THEN " + PlusSeconds("e.time", span) + " END)";
        const int64_t longest = spans.empty() ? 0 : *std::max_element(spans.begin(), spans.end());
        return "(SELECT pg_catalog.min(b.instant) FROM pulse.profile m CROSS JOIN LATERAL ("
               "SELECT v.time FROM " +
               events_ + "v.profile_id = m.id" + (any ? "" : " AND v.name IN (" + names + ")") +
               " AND v.time > " + PlusSeconds(now_, -longest) + " OFFSET 0) e CROSS JOIN LATERAL (VALUES " +
               instants + ") b(instant) WHERE m.canonical_id = " + profile_ + " AND b.instant > " + now_ +
               ")";
    }

    const Metric& metric_;
    const std::string& now_;
    const std::string& profile_;
    const std::string events_;
};

}  // namespace

MetricSql CompileSequence(const Metric& metric, const std::string& now_sql, const std::string& profile_sql,
                          EventRows rows) {
    return SequenceCompiler(metric, now_sql, profile_sql, rows).Get();
}

}  // namespace pulse::rule
