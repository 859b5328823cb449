// Evaluates the measurement of a check: good or bad, how bad, and a message. Pure C++ and deterministic.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/drift/finding.hpp"
#include "pulse/health/measure.hpp"

namespace pulse::health {

enum class CheckStatus { kOk, kBad, kError, kSkipped, kLearning };

// "ok", "bad", "error", "skipped", "learning".
const char* Name(CheckStatus status);

// The ratio from which a result is far beyond its limit: its incident is critical, and opens at once.
inline constexpr double kFar = 3;

// An earlier result of the same check.
struct PastResult {
    Moment at = 0;
    double observed = 0;
    bool good = true;  // of no problem: part of what is usual
};

// The input of an evaluation besides the check and its measurement.
struct CheckContext {
    std::string relation;
    Moment now = 0;
    int64_t every = 5 * kMinute;
    int min_history = 7;
    Json state = Json::object();      // state of the check from earlier runs
    std::vector<PastResult> history;  // since a new normal was declared, in any order
    int empty_weeks = 0;  // of the last four, in which the table was empty at this hour of the week
};

struct CheckResult {
    CheckStatus status = CheckStatus::kOk;
    std::optional<double> observed, low, high;  // the observed value and the expected range
    double ratio = 0;                           // excess ÷ limit; from 1 on bad
    bool supported = true;                      // beyond the error of the sample and the usual variability
    std::optional<drift::Severity> severity;    // fixed; unset: derived from the ratio
    drift::Direction direction = drift::Direction::kUp;
    std::optional<Moment> onset;  // when it began, if known
    std::string message;
    Json details = Json::object();
    Json state;  // to be stored
};

CheckResult EvaluateCheck(const Check& check, const CheckMeasurement& measurement,
                          const CheckContext& context);

// ---- inside this room ----

CheckResult EvaluateFreshness(const Check& check, const CheckMeasurement& m, const CheckContext& context);
CheckResult EvaluateVolume(const Check& check, const CheckMeasurement& m, const CheckContext& context);
// A table without rows: bad if it had some, unless it `learns` and the table is usually empty at this
// hour of the week.
CheckResult EvaluateEmpty(const CheckContext& context, bool learns);
CheckResult EvaluateSchema(const CheckMeasurement& m, const CheckContext& context);

// The differences between two lists of columns: one sentence each, and the worst severity.
struct SchemaChange {
    std::vector<std::string> sentences;
    std::vector<std::string> columns;
    drift::Severity severity = drift::Severity::kLow;
};
SchemaChange CompareSchemas(const Json& before, const Json& after);

// The step of the grid on which a series of results is evaluated: an hour, or the check's interval when
// longer.
int64_t GridStep(int64_t every);

}  // namespace pulse::health
