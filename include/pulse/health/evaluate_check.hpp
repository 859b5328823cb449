// From what was measured to what it means: good, bad, how bad, in words. Pure C++ and deterministic.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/drift/finding.hpp"
#include "pulse/health/measure.hpp"

namespace pulse::health {

enum class Status { kOk, kBad, kError, kSkipped, kLearning };

// "ok", "bad", "error", "skipped", "learning".
const char* Name(Status status);

// An earlier result of the same check.
struct PastResult {
    Moment at = 0;
    double observed = 0;
};

// What a check is judged by, besides the measurement.
struct CheckContext {
    std::string relation;
    Moment now = 0;
    int64_t every = 5 * kMinute;
    int min_history = 7;
    Json state = Json::object();      // what the check remembers
    std::vector<PastResult> history;  // good results since a new normal was declared, any order
};

struct CheckResult {
    Status status = Status::kOk;
    std::optional<double> observed, low, high;  // what was seen, and the range it should lie in
    double ratio = 0;                           // excess ÷ limit; from 1 on bad
    bool supported = true;                      // beyond the error of the sample and the usual unrest
    std::optional<drift::Severity> severity;    // by itself; unset: by the ratio
    drift::Direction direction = drift::Direction::kUp;
    std::optional<Moment> onset;  // when it began, where that can be told
    std::string message;
    Json details = Json::object();
    Json state;  // to be remembered
};

CheckResult EvaluateCheck(const Check& check, const Measurement& measurement, const CheckContext& context);

// ---- inside this room ----

CheckResult EvaluateFreshness(const Check& check, const Measurement& m, const CheckContext& context);
CheckResult EvaluateVolume(const Check& check, const Measurement& m, const CheckContext& context);
CheckResult EvaluateSchema(const Measurement& m, const CheckContext& context);

// What changed from one list of columns to the next: one sentence each, the worst severity, how many.
struct SchemaChange {
    std::vector<std::string> sentences;
    std::vector<std::string> columns;
    drift::Severity severity = drift::Severity::kLow;
};
SchemaChange CompareSchemas(const Json& before, const Json& after);

// The grid on which a series of results is looked at: steps of an hour, or the check's interval when longer.
int64_t GridStep(int64_t every);

}  // namespace pulse::health
