#include "pulse/health/evaluate_check.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::health {

namespace {

constexpr double kErrors = 3;             // standard errors of a sample to be exceeded
constexpr double kShareAtNoLimit = 0.05;  // with limit 0: the share of bad rows that gives ratio 2

// The ratio of a share to its limit. With limit 0 a single bad row exceeds it (ratio 1), and 5 % of the rows
// give ratio 2.
double ShareRatio(double share, double limit) {
    if (limit > 0) return share / limit;
    return share > 0 ? 1 + share / kShareAtNoLimit : 0;
}

std::string Sampled(const CheckMeasurement& m) {
    if (!m.sampled) return "";
    return " in a sample of " + Count(m.rows) + " rows (" + Percentage(*m.sampled) +
           " of the table, standard error " + Percentage(m.error) + ")";
}

std::string DescribeBadRows(const Check& check, bool one) {
    const std::string column = check.Attribute();
    switch (check.type) {
        case CheckType::kAcceptedValues:
            return (one ? "has" : "have") + std::string(" a value of ") + column + " that is not accepted";
        case CheckType::kRange:
            return (one ? "has" : "have") + std::string(" a value of ") + column +
                   (check.low && check.high ? " outside " + *check.low + " to " + *check.high
                    : check.low             ? " below " + *check.low
                                            : " above " + *check.high);
        case CheckType::kReferences:
            return (one ? "has" : "have") + std::string(" a value of ") + column + " that is missing in " +
                   check.relation;
        default: return (one ? "has" : "have") + std::string(" a duplicate ") + column;
    }
}

// "public.t1.v is null in 4 rows (2 %)", "3 rows (1 %) of public.t1 have a duplicate id".
std::string DescribeRows(const Check& check, const CheckMeasurement& m, const CheckContext& context) {
    const bool none = m.bad == 0;
    const std::string nan = m.nan > 0 ? ", NaN in " + Count(m.nan) : "";
    const std::string count =
        none ? "no row" : Counted(m.bad, "row") + " (" + Percentage(m.bad / m.of) + nan + ")";
    if (check.type == CheckType::kNullRate) {
        const std::string column = context.relation + "." + check.Attribute();
        return none ? column + " has no nulls"
                    : column + (m.nan > 0 ? " is null or NaN in " : " is null in ") + count;
    }
    return count + " of " + context.relation + " " + DescribeBadRows(check, none || m.bad == 1);
}

// null_rate, unique, accepted_values, range, references: the share of bad rows.
CheckResult EvaluateRows(const Check& check, const CheckMeasurement& m, const CheckContext& context) {
    CheckResult result;
    const double limit = check.type == CheckType::kNullRate ? check.max.value_or(0) : check.share;
    const double share = m.of > 0 ? m.bad / m.of : 0;
    result.observed = share;
    result.low = 0;
    result.high = limit;
    result.details = {{"bad_rows", m.bad}, {"rows", m.of}, {"standard_error", m.error}};
    if (m.nan > 0) result.details["nan"] = m.nan;
    if (!m.basis.empty()) {
        result.message = DescribeRows(check, m, context) + ": " + m.basis;
        return result;
    }
    result.ratio = ShareRatio(share, limit);
    // With limit 0 a single bad row in a sample is proof.
    result.supported = limit == 0 ? share > 0 : share - kErrors * m.error > limit;
    const bool bad = result.supported && share > limit;
    result.message =
        DescribeRows(check, m, context) + Sampled(m) + (m.bad > 0 ? "; allowed: " + Percentage(limit) : "");
    if (!bad && share > limit) result.message += "; within the error of the sample";
    result.status = bad ? CheckStatus::kBad : CheckStatus::kOk;
    return result;
}

double Over(double observed, double limit) {
    if (limit > 0) return observed / limit;
    return observed > limit ? 2 : 0;
}
double Under(double observed, double limit) {
    if (limit == 0) return observed < 0 ? 2 : 0;
    return observed < limit ? 1 + 2 * (limit - observed) / std::abs(limit)
                            : limit / std::max(observed, limit / 1e6);
}

CheckResult EvaluateReplicationLag(const Check& check, const CheckMeasurement& m,
                                   const CheckContext& context) {
    CheckResult result;
    const double limit = *check.max;
    result.low = 0;
    result.high = limit;
    if (m.found >= 0 && m.found < check.standbys) {
        result.status = CheckStatus::kBad;
        result.observed = static_cast<double>(m.found);
        result.low = check.standbys;
        result.high.reset();
        result.ratio = 2;
        result.direction = drift::Direction::kDown;
        result.message = "only " + Counted(static_cast<double>(m.found), "standby") + " connected where " +
                         std::to_string(check.standbys) + (check.standbys == 1 ? " is" : " are") +
                         " expected";
        if (m.found == 0) result.message = "no standby is connected";
        return result;
    }
    if (m.found == 0) {
        result.message = "no standby is connected, and none is required";
        return result;
    }
    const double lag = m.number.value_or(0);
    result.observed = lag;
    result.ratio = lag / limit;
    result.status = lag > limit ? CheckStatus::kBad : CheckStatus::kOk;
    result.message = (m.found < 0 ? "the replica that " + context.relation + " is read from"
                                  : std::string("the latest standby")) +
                     " is " + FormatSeconds(lag) + " behind (limit " + FormatSeconds(limit) + ")";
    return result;
}

CheckResult EvaluateSql(const Check& check, const CheckMeasurement& m) {
    CheckResult result;
    const std::string name = check.name.empty() ? "the query" : "query \"" + check.name + "\"";
    if (check.rows) {
        const auto found = static_cast<double>(m.found), limit = static_cast<double>(*check.rows);
        result.observed = found;
        result.low = 0;
        result.high = limit;
        result.ratio = Over(found, limit);
        result.status = found > limit ? CheckStatus::kBad : CheckStatus::kOk;
        result.message = name + " returned " + (m.found > *check.rows + 9'999 ? "at least " : "") +
                         Counted(found, "row") +
                         " (allowed: " + (*check.rows == 0 ? "none" : "at most " + Count(limit)) + ")";
        return result;
    }
    result.low = check.min;
    result.high = check.max;
    result.observed = m.number;
    if (!m.number || std::isnan(*m.number)) {
        result.status = CheckStatus::kError;
        result.message = name + " returned no number";
        return result;
    }
    const bool under = check.min && *m.number < *check.min, over = check.max && *m.number > *check.max;
    result.direction = under ? drift::Direction::kDown : drift::Direction::kUp;
    if (check.max) result.ratio = Over(*m.number, *check.max);
    if (under) result.ratio = Under(*m.number, *check.min);
    if (under || over) result.ratio = std::max(result.ratio, 1.0);
    result.status = under || over ? CheckStatus::kBad : CheckStatus::kOk;
    result.message = name + " returned " + Count(*m.number) + " (allowed: " +
                     (check.min && check.max ? "from " + Count(*check.min) + " to " + Count(*check.max)
                      : check.min            ? "at least " + Count(*check.min)
                                             : "at most " + Count(*check.max)) +
                     ")";
    // A number within the bounds is normal however near it is to one of them.
    if (result.status == CheckStatus::kOk) result.ratio = 0;
    return result;
}

}  // namespace

const char* Name(CheckStatus status) {
    switch (status) {
        case CheckStatus::kOk: return "ok";
        case CheckStatus::kBad: return "bad";
        case CheckStatus::kError: return "error";
        case CheckStatus::kSkipped: return "skipped";
        case CheckStatus::kLearning: return "learning";
    }
    return "error";
}

CheckResult EvaluateCheck(const Check& check, const CheckMeasurement& m, const CheckContext& context) {
    CheckResult result;
    if (m.reading != ReadStatus::kRead) {
        result.status = m.reading == ReadStatus::kSkipped ? CheckStatus::kSkipped : CheckStatus::kError;
        result.message = m.reason;
        if (m.reading == ReadStatus::kFailed) result.ratio = 2;
        result.state = context.state;
        return result;
    }
    switch (check.type) {
        case CheckType::kFreshness: result = EvaluateFreshness(check, m, context); break;
        case CheckType::kVolume: result = EvaluateVolume(check, m, context); break;
        case CheckType::kSchema: result = EvaluateSchema(m, context); break;
        case CheckType::kReplicationLag: result = EvaluateReplicationLag(check, m, context); break;
        case CheckType::kSql: result = EvaluateSql(check, m); break;
        default: result = EvaluateRows(check, m, context); break;
    }
    Json state = context.state;
    if (result.status != CheckStatus::kSkipped)
        for (const char* episode : {"late", "empty_since"}) state.erase(episode);  // unless it goes on
    if (result.state.is_object()) state.update(result.state);
    result.state = std::move(state);
    if (check.severity) result.severity = drift::ParseSeverity(*check.severity);
    return result;
}

}  // namespace pulse::health
