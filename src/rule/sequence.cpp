// A chain of events e1, e2, … of one person, each later than the one before: EXISTS inside EXISTS, and NOT EXISTS for what must be
// absent. Any events may form the chain; one chain is enough.
#include "pulse/rule/sequence.hpp"

#include <algorithm>

#include "pulse/rule/profile_scope.hpp"
#include "pulse/rule/value.hpp"

namespace pulse::rule {

namespace {

class SequenceCompiler {
  public:
    SequenceCompiler(const Metric& metric, const std::string& now_sql, const std::string& profile_sql)
        : metric_(metric), now_(now_sql), profile_(profile_sql) {}

    MetricSql Get() const {
        MetricSql sql{.type = Type::kBoolean, .sql_type = "boolean", .value = "EXISTS (" + From(0, 0) + ")"};
        sql.empty = "false";
        sql.until = Until();
        if (metric_.window.kind == Window::Kind::kSliding) sql.oldest = Plus(now_, -metric_.window.from);
        sql.correlated = true;
        bool any = false;
        for (const Step& step : metric_.steps) {
            any = any || step.event.empty();
            if (std::find(sql.events.begin(), sql.events.end(), step.event) == sql.events.end()) sql.events.push_back(step.event);
        }
        if (any) sql.events.clear();
        return sql;
    }

  private:
    static std::string Alias(size_t step) { return "e" + std::to_string(step + 1); }

    // SELECT FROM the events of the person that fit the step.
    std::string Events(size_t step, const std::string& before) const {
        const Step& node = metric_.steps[step];
        const std::string e = Alias(step), m = "m" + std::to_string(step + 1);
        std::string sql = "SELECT FROM pulse.profile " + m + " JOIN pulse.event " + e + " ON " + e + ".profile_id = " + m +
                          ".id WHERE " + m + ".canonical_id = " + profile_;
        if (!node.event.empty()) sql += " AND " + e + ".name = " + QuoteText(node.event);
        if (node.filter) {
            const PropertyScope scope(e + ".properties", before.empty() ? "" : before + ".properties");
            sql += " AND " + Compile(*node.filter, scope, Expect::kBoolean, now_).sql;
        }
        return sql + " AND " + e + ".time <= " + now_;
    }

    // The chain from a step that happened on; the one before it that happened is `before`.
    std::string From(size_t step, size_t before) const {
        const Step& node = metric_.steps[step];
        const std::string e = Alias(step), last = step == 0 ? "" : Alias(before);
        std::string sql = Events(step, last);
        if (metric_.window.kind == Window::Kind::kSliding) sql += " AND " + e + ".time > " + Plus(now_, -metric_.window.from);
        if (step > 0) {
            sql += " AND " + e + ".time > " + last + ".time";
            if (node.within > 0) sql += " AND " + e + ".time <= " + Plus(last + ".time", node.within);
        }
        size_t next = step + 1;
        // Absent steps that end before the next that happened can be told when that one is known.
        while (next < metric_.steps.size() && metric_.steps[next].absent) ++next;
        for (size_t i = before + 1; step > 0 && i < step; ++i)
            if (metric_.steps[i].within == 0) sql += " AND " + Absent(i, last, e);
        for (size_t i = step + 1; i < next; ++i)
            if (metric_.steps[i].within > 0 || next == metric_.steps.size()) sql += " AND " + Absent(i, e, "");
        if (next < metric_.steps.size()) sql += " AND EXISTS (" + From(next, step) + ")";
        return sql;
    }

    // No such event after `after`: for some time that is over, before `until`, or up to now.
    std::string Absent(size_t step, const std::string& after, const std::string& until) const {
        const Step& node = metric_.steps[step];
        const std::string e = Alias(step);
        std::string sql = "NOT EXISTS (" + Events(step, after) + " AND " + e + ".time > " + after + ".time";
        if (node.within > 0) {
            const std::string end = Plus(after + ".time", node.within);
            return end + " <= " + now_ + " AND " + sql + " AND " + e + ".time <= " + end + ")";
        }
        if (!until.empty()) sql += " AND " + e + ".time < " + until + ".time";
        return sql + ")";
    }

    // Every border that a step can cross by the clock lies at the time of one of the events, or a duration of the sequence later.
    std::string Until() const {
        std::vector<int64_t> spans;
        std::string names;
        bool any = false;
        for (const Step& step : metric_.steps) {
            if (step.within > 0) spans.push_back(step.within);
            any = any || step.event.empty();
            names += (names.empty() ? "" : ", ") + QuoteText(step.event);
        }
        if (metric_.window.kind == Window::Kind::kSliding) spans.push_back(metric_.window.from);
        std::string instants = "(e.time)";
        for (const int64_t span : spans) instants += ", (CASE WHEN e.time <= " + now_ + " THEN " + Plus("e.time", span) + " END)";
        const int64_t longest = spans.empty() ? 0 : *std::max_element(spans.begin(), spans.end());
        return "(SELECT pg_catalog.min(b.instant) FROM pulse.profile m JOIN pulse.event e ON e.profile_id = m.id CROSS JOIN LATERAL (VALUES " +
               instants + ") b(instant) WHERE m.canonical_id = " + profile_ + (any ? "" : " AND e.name IN (" + names + ")") +
               " AND e.time > " + Plus(now_, -longest) + " AND b.instant > " + now_ + ")";
    }

    const Metric& metric_;
    const std::string& now_;
    const std::string& profile_;
};

}  // namespace

MetricSql CompileSequence(const Metric& metric, const std::string& now_sql, const std::string& profile_sql) {
    return SequenceCompiler(metric, now_sql, profile_sql).Get();
}

}  // namespace pulse::rule
