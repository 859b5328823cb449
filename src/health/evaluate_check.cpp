#include "pulse/health/evaluate_check.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/health/arrival_pattern.hpp"

namespace pulse::health {

namespace {

constexpr double kErrors = 3;             // standard errors of a sample that are not held against the table
constexpr double kShareAtNoLimit = 0.05;  // share of bad rows that counts as once over when none is allowed

// How far a share is over its limit. Without a limit every row is too many, and a twentieth of the table is
// twice that.
double ShareRatio(double share, double limit) {
    if (limit > 0) return share / limit;
    return share > 0 ? 1 + share / kShareAtNoLimit : 0;
}

std::string Sampled(const Measurement& m) {
    if (!m.sampled) return "";
    return " in a sample of " + Count(m.rows) + " rows (" + Percentage(*m.sampled) +
           " of the table, standard error " + Percentage(m.error) + ")";
}

std::string WhatIsBad(const Check& check, bool one) {
    const std::string column = check.Attribute();
    switch (check.kind) {
        case Kind::kNullRate: return (one ? "has" : "have") + std::string(" no ") + column;
        case Kind::kAcceptedValues:
            return (one ? "has" : "have") + std::string(" a value of ") + column + " that is not accepted";
        case Kind::kRange:
            return (one ? "has" : "have") + std::string(" a value of ") + column +
                   (check.low && check.high ? " outside " + *check.low + " to " + *check.high
                    : check.low             ? " below " + *check.low
                                            : " above " + *check.high);
        case Kind::kReferences:
            return (one ? "points" : "point") + std::string(" with ") + column + " to nothing in " +
                   check.relation;
        default: return (one ? "repeats" : "repeat") + std::string(" the ") + column + " of another";
    }
}

// null_rate, unique, accepted_values, range, references: rows that should not be.
Verdict JudgeRows(const Check& check, const Measurement& m, const Setting& setting) {
    Verdict verdict;
    const double limit = check.kind == Kind::kNullRate ? check.max.value_or(0) : check.share;
    const double share = m.of > 0 ? m.bad / m.of : 0;
    verdict.observed = share;
    verdict.low = 0;
    verdict.high = limit;
    verdict.details = {{"bad_rows", m.bad}, {"rows", m.of}, {"standard_error", m.error}};
    if (!m.basis.empty()) {
        verdict.message = "no row of " + setting.relation + " " + WhatIsBad(check, true) + ": " + m.basis;
        return verdict;
    }
    verdict.ratio = ShareRatio(share, limit);
    // Without a limit one bad row in a sample is proof enough.
    verdict.supported = limit == 0 ? share > 0 : share - kErrors * m.error > limit;
    const bool bad = verdict.supported && share > limit;
    verdict.message = (m.bad == 0 ? "no row" : Counted(m.bad, "row") + " (" + Percentage(share) + ")") +
                      " of " + setting.relation + " " + WhatIsBad(check, m.bad == 0 || m.bad == 1) +
                      Sampled(m) + (m.bad > 0 ? "; at most " + Percentage(limit) + " may" : "");
    if (!bad && share > limit) verdict.message += "; within the error of the sample";
    verdict.status = bad ? Status::kBad : Status::kOk;
    return verdict;
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

Verdict JudgeLag(const Check& check, const Measurement& m, const Setting& setting) {
    Verdict verdict;
    const double limit = *check.max;
    verdict.low = 0;
    verdict.high = limit;
    if (m.found >= 0 && m.found < check.standbys) {
        verdict.status = Status::kBad;
        verdict.observed = static_cast<double>(m.found);
        verdict.low = check.standbys;
        verdict.high.reset();
        verdict.ratio = 2;
        verdict.direction = drift::Direction::kDown;
        verdict.message = "only " + Counted(static_cast<double>(m.found), "standby") + " connected where " +
                          std::to_string(check.standbys) + (check.standbys == 1 ? " is" : " are") +
                          " expected";
        if (m.found == 0) verdict.message = "no standby is connected";
        return verdict;
    }
    if (m.found == 0) {
        verdict.message = "no standby is connected, and none needs to be";
        return verdict;
    }
    const double lag = m.number.value_or(0);
    verdict.observed = lag;
    verdict.ratio = lag / limit;
    verdict.status = lag > limit ? Status::kBad : Status::kOk;
    verdict.message = (m.found < 0 ? "the replica that " + setting.relation + " is read from"
                                   : std::string("the latest standby")) +
                      " is " + Duration(lag) + " behind (limit " + Duration(limit) + ")";
    return verdict;
}

Verdict JudgeSql(const Check& check, const Measurement& m) {
    Verdict verdict;
    const std::string name = check.name.empty() ? "the query" : "query \"" + check.name + "\"";
    if (check.rows) {
        const auto found = static_cast<double>(m.found), limit = static_cast<double>(*check.rows);
        verdict.observed = found;
        verdict.low = 0;
        verdict.high = limit;
        verdict.ratio = Over(found, limit);
        verdict.status = found > limit ? Status::kBad : Status::kOk;
        verdict.message = name + " returns " + (m.found > *check.rows + 9'999 ? "at least " : "") +
                          Counted(found, "row") + "; " +
                          (*check.rows == 0 ? "none" : "at most " + Count(limit)) + " should be";
        return verdict;
    }
    verdict.low = check.min;
    verdict.high = check.max;
    verdict.observed = m.number;
    if (!m.number || std::isnan(*m.number)) {
        verdict.status = Status::kError;
        verdict.message = name + " returned no number";
        return verdict;
    }
    const bool under = check.min && *m.number < *check.min, over = check.max && *m.number > *check.max;
    verdict.direction = under ? drift::Direction::kDown : drift::Direction::kUp;
    if (check.max) verdict.ratio = Over(*m.number, *check.max);
    if (under) verdict.ratio = Under(*m.number, *check.min);
    if (under || over) verdict.ratio = std::max(verdict.ratio, 1.0);
    verdict.status = under || over ? Status::kBad : Status::kOk;
    verdict.message = name + " gives " + Count(*m.number) + "; " +
                      (check.min && check.max ? "from " + Count(*check.min) + " to " + Count(*check.max)
                       : check.min            ? "at least " + Count(*check.min)
                                              : "at most " + Count(*check.max)) +
                      " should be";
    // A number between the bounds is normal however near it lies to one: there is no zero to measure from.
    if (verdict.status == Status::kOk) verdict.ratio = 0;
    return verdict;
}

}  // namespace

const char* Name(Status status) {
    switch (status) {
        case Status::kOk: return "ok";
        case Status::kBad: return "bad";
        case Status::kError: return "error";
        case Status::kSkipped: return "skipped";
        case Status::kLearning: return "learning";
    }
    return "error";
}

Verdict JudgeFreshness(const Check& check, const Measurement& m, const Setting& setting) {
    Verdict verdict;
    verdict.observed = m.age;
    const std::string rhythm = m.gap ? "; its rhythm: every " + Duration(*m.gap) : "";
    if (!m.age) {
        const bool had = setting.state.value("had_rows", false);
        verdict.status = had ? Status::kBad : Status::kLearning;
        verdict.severity = drift::Severity::kCritical;
        verdict.ratio = had ? 3 : 0;
        verdict.message = setting.relation + (had ? " has no row any more" : " has no row yet");
        return verdict;
    }
    verdict.state["had_rows"] = true;
    double limit = check.max_age ? static_cast<double>(*check.max_age) / kSecond : 0;
    std::string learnt;
    if (!check.max_age) {
        const Rhythm usual = LearnRhythm(m.phases, m.oldest, m.gap);
        if (!usual.known) {
            verdict.status = Status::kLearning;
            verdict.message =
                "the newest row of " + setting.relation + " is " + Duration(*m.age) + " old; " + usual.why;
            return verdict;
        }
        limit = usual.limit;
        learnt = ", learnt from this hour of " + std::to_string(usual.weeks) + " weeks";
        verdict.details = {{"usual_silence", usual.expected}, {"weeks", usual.weeks}};
    }
    verdict.low = 0;
    verdict.high = limit;
    verdict.ratio = *m.age / limit;
    if (m.gap) verdict.details["rhythm"] = *m.gap;
    const std::string basis = m.basis.empty() ? "" : "; " + m.basis;
    if (*m.age <= limit) {
        verdict.message = "the newest row of " + setting.relation + " is " + Duration(*m.age) +
                          " old (limit " + Duration(limit) + learnt + rhythm + basis + ")";
        return verdict;
    }
    // What the replica has not replayed yet cannot be held against the table.
    if (m.replica_late > 0 && *m.age - m.replica_late <= limit) {
        verdict.status = Status::kSkipped;
        verdict.message = "the replica is late, not the table: it is " + Duration(m.replica_late) +
                          " behind, the newest row there is " + Duration(*m.age) + " old (limit " +
                          Duration(limit) + ")";
        verdict.details["replica_late"] = m.replica_late;
        return verdict;
    }
    verdict.status = Status::kBad;
    verdict.onset = setting.now - static_cast<int64_t>((*m.age - limit) * kSecond);
    verdict.message = setting.relation + " has had no new row for " + Duration(*m.age) + " (limit " +
                      Duration(limit) + learnt + rhythm + basis + ")";
    return verdict;
}

Verdict Judge(const Check& check, const Measurement& m, const Setting& setting) {
    Verdict verdict;
    if (m.reading != Reading::kRead) {
        verdict.status = m.reading == Reading::kSkipped ? Status::kSkipped : Status::kError;
        verdict.message = m.reason;
        if (m.reading == Reading::kFailed) verdict.ratio = 2;
        verdict.state = setting.state;
        return verdict;
    }
    switch (check.kind) {
        case Kind::kFreshness: verdict = JudgeFreshness(check, m, setting); break;
        case Kind::kVolume: verdict = JudgeVolume(check, m, setting); break;
        case Kind::kSchema: verdict = JudgeSchema(m, setting); break;
        case Kind::kReplicationLag: verdict = JudgeLag(check, m, setting); break;
        case Kind::kSql: verdict = JudgeSql(check, m); break;
        default: verdict = JudgeRows(check, m, setting); break;
    }
    Json state = setting.state;
    if (verdict.state.is_object()) state.update(verdict.state);
    verdict.state = std::move(state);
    if (check.severity) verdict.severity = drift::ParseSeverity(*check.severity);
    return verdict;
}

}  // namespace pulse::health
