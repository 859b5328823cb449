// Evaluates the age of a table's newest row, by a given limit or by the table's own rhythm; and a table
// without rows.
#include <algorithm>

#include "pulse/health/arrival_pattern.hpp"
#include "pulse/health/evaluate_check.hpp"

namespace pulse::health {

namespace {

constexpr int kUsualWeeks = 2;  // of the last four, for a usual emptiness

// What a reader of the figure must know.
std::string Notes(const Check& check, const CheckMeasurement& m) {
    std::string notes;
    if (m.ahead)
        notes += "; rows lie in the future, the newest by " + FormatSeconds(*m.ahead) +
                 (check.time_zone.empty()
                      ? ": if " + check.Attribute() + " is a local time, give the check its \"time_zone\""
                      : "");
    if (!m.infinite.empty()) notes += "; rows with " + check.Attribute() + " " + m.infinite + " are ignored";
    return notes;
}

// The limit of a silence that was too long before. Until a row comes it stays too long, whatever is usual at
// another hour, and when old rows go and nothing can be learnt any more.
std::optional<double> LimitOfSameSilence(const CheckContext& context, Moment newest) {
    const auto late = context.state.find("late");
    if (late == context.state.end() || !late->is_object()) return std::nullopt;
    const std::optional<Moment> then = ParseMoment(late->value("newest", ""));
    return then && newest <= *then ? std::optional(late->value("limit", 0.0)) : std::nullopt;
}

struct Limit {
    std::optional<double> seconds;
    std::string learnt;  // from what, or why not
    double silence = 0;  // that is usual: a daily load that is ten minutes late is no silence of a day
};

Limit LimitOf(const Check& check, const CheckMeasurement& m, const CheckContext& context, Moment newest,
              CheckResult& result) {
    if (check.max_age) return {static_cast<double>(*check.max_age) / kSecond, ""};
    const ArrivalPattern usual = LearnArrivalPattern(m.silences, context.now, m.gap);
    Limit limit;
    if (usual.known) {
        limit.seconds = usual.limit;
        limit.silence = usual.silence;
        result.details = {{"usual_silence", usual.expected}, {"learnt_from", usual.learnt}};
    }
    limit.learnt = usual.known ? ", learnt from " + usual.learnt : usual.learnt;
    if (const auto before = LimitOfSameSilence(context, newest);
        before && *before < limit.seconds.value_or(*before + 1))
        limit = {before, ", learnt before it", limit.silence};
    return limit;
}

}  // namespace

CheckResult EvaluateEmpty(const CheckContext& context, bool learns) {
    CheckResult result;
    if (!context.state.value("had_rows", false)) {
        result.status = CheckStatus::kLearning;
        result.message = context.relation + " has no rows yet";
        return result;
    }
    const Moment since = ParseMoment(context.state.value("empty_since", "")).value_or(context.now);
    result.state["empty_since"] = FormatMoment(since);
    if (learns && context.empty_weeks >= kUsualWeeks && context.now - since < kWeek) {
        result.message = context.relation + " is empty, as it was at this hour of the week " +
                         std::to_string(context.empty_weeks) + " times in 4 weeks";
        return result;
    }
    result.status = CheckStatus::kBad;
    result.severity = drift::Severity::kCritical;
    result.ratio = kFar;
    result.direction = drift::Direction::kDown;
    return result;
}

CheckResult EvaluateFreshness(const Check& check, const CheckMeasurement& m, const CheckContext& context) {
    const std::string notes = Notes(check, m);
    if (!m.age) {
        CheckResult empty = EvaluateEmpty(context, !check.max_age);
        if (empty.status == CheckStatus::kBad) empty.message = context.relation + " no longer has any rows";
        empty.message += notes;
        return empty;
    }
    CheckResult result;
    result.observed = m.age;
    result.state["had_rows"] = true;
    const Moment newest = context.now - static_cast<int64_t>(*m.age * kSecond);
    const Limit found = LimitOf(check, m, context, newest, result);
    const std::string age = FormatSeconds(*m.age);
    if (m.gap) result.details["rhythm"] = *m.gap;
    if (m.ahead) result.details["ahead"] = *m.ahead;
    if (!found.seconds) {
        result.status = CheckStatus::kLearning;
        result.message =
            "the newest row of " + context.relation + " is " + age + " old; " + found.learnt + notes;
        return result;
    }
    const double limit = *found.seconds;
    result.low = 0;
    result.high = limit;
    result.ratio = *m.age / limit;
    const std::string basis = " (limit " + FormatSeconds(limit) + found.learnt +
                              (m.gap ? "; usual interval: " + FormatSeconds(*m.gap) : "") +
                              (m.basis.empty() ? "" : "; " + m.basis) + ")" + notes;
    if (*m.age <= limit) {
        result.message = "the newest row of " + context.relation + " is " + age + " old" + basis;
        return result;
    }
    // The rows may be there already and not replayed yet: this says nothing about the table.
    if (m.replica_late > 0 && *m.age - m.replica_late <= limit) {
        result.status = CheckStatus::kSkipped;
        result.message = "the replica is late, not the table: it is " + FormatSeconds(m.replica_late) +
                         " behind, the newest row there is " + age + " old (limit " + FormatSeconds(limit) +
                         ")";
        result.details["replica_late"] = m.replica_late;
        return result;
    }
    result.status = CheckStatus::kBad;
    result.ratio = std::max(1.0, *m.age / std::max(limit, found.silence));
    result.onset = context.now - static_cast<int64_t>((*m.age - limit) * kSecond);
    if (!check.max_age) result.state["late"] = {{"newest", FormatMoment(newest)}, {"limit", limit}};
    result.message = context.relation + " has had no new row for " + age + basis;
    return result;
}

}  // namespace pulse::health
