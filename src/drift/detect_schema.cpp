#include <algorithm>

#include "detector_context.hpp"

#include "pulse/base/error.hpp"

namespace pulse::drift {

namespace {

// Errors of a definition whose columns have changed.
bool IsSchemaError(const std::string& state) {
    return state == sqlstate::kUndefinedColumn || state == sqlstate::kUndefinedTable ||
           state == sqlstate::kUndefinedFunction ||  // also an operator that the new type lacks
           state == sqlstate::kDatatypeMismatch;
}

// The newest earlier snapshot with known columns.
const Point* Previous(const DetectorContext& context) {
    for (size_t i = context.index; i-- > 0;) {
        const Point& point = context.history.points[i];
        if (point.ok && !point.columns.empty()) return &point;
    }
    return nullptr;
}

std::string List(const Json& names) {
    std::string text;
    for (const Json& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
    return text;
}

// A failed snapshot: the segment can no longer be measured, and no figure shows it.
DetectorResult MeasurementFailure(const DetectorContext& context) {
    DetectorResult result = EvaluateChange({detector::kSchemaChange, ""}, 0, 0, 1, std::nullopt,
                                           BaselineKind::kPrevious, context.thresholds);
    result.material = true;
    result.ratio = 3;
    Finding& finding = result.finding;
    finding.severity = Severity::kCritical;
    finding.details = {{"sqlstate", context.now().error_state}, {"error", context.now().error}};
    finding.summary = "the segment can no longer be measured: " + context.now().error;
    return result;
}

void Compare(const Point& before, const Point& now, Finding& finding) {
    Json dropped = Json::array(), added = Json::array(), retyped = Json::array();
    Json types = Json::object();
    for (const auto& [name, type] : before.columns) {
        const auto found = now.columns.find(name);
        if (found == now.columns.end()) {
            dropped.push_back(name);
        } else if (found->second != type) {
            retyped.push_back(name);
            types[name] = {{"from", type}, {"to", found->second}};
        }
    }
    for (const auto& [name, type] : now.columns)
        if (!before.columns.contains(name)) added.push_back(name);
    std::string text;
    const auto say = [&](const char* what, const Json& names) {
        if (!names.empty()) text += (text.empty() ? "" : "; ") + std::string(what) + " " + List(names);
    };
    say("dropped", dropped);
    say("type changed of", retyped);
    say("added", added);
    finding.change = static_cast<double>(dropped.size() + retyped.size() + added.size());
    // An added column breaks nothing; a dropped or retyped one may.
    finding.severity = dropped.empty() && retyped.empty() ? Severity::kLow : Severity::kHigh;
    finding.summary = "columns of what the segment reads: " + text;
    finding.details = {{"dropped", dropped}, {"retyped", retyped}, {"added", added}, {"types", types}};
    finding.baseline_snapshot = before.snapshot;
}

// What a snapshot could not measure stays a finding until it can be measured again.
void AddMissing(const Point& now, Finding& finding) {
    const Json names = now.missing;
    if (finding.details.is_null()) finding.details = Json::object();
    finding.details["missing"] = names;
    finding.details["error"] = now.error;
    finding.change = std::max(finding.change, static_cast<double>(now.missing.size()));
    finding.severity = std::max(finding.severity, Severity::kHigh);
    finding.summary += (finding.summary.empty() ? "" : "; ") +
                       ("the segment is measured without " + List(names) + ": " + now.error);
}

}  // namespace

void DetectSchema(const DetectorContext& context, std::vector<DetectorResult>& results) {
    const Point& now = context.now();
    if (!now.ok) {
        if (IsSchemaError(now.error_state)) results.push_back(MeasurementFailure(context));
        return;
    }
    DetectorResult result = EvaluateChange({detector::kSchemaChange, ""}, 0, 0, 1, std::nullopt,
                                           BaselineKind::kPrevious, context.thresholds);
    const Point* before = Previous(context);
    // A new definition may read other columns, which is not a change of the data.
    if (before && !now.columns.empty() && before->columns != now.columns && before->version == now.version) {
        Compare(*before, now, result.finding);
        result.material = true;
        result.ratio = 1;
    }
    if (!now.missing.empty()) {
        AddMissing(now, result.finding);
        result.material = true;
        result.ratio = 1;
    }
    results.push_back(std::move(result));
}

}  // namespace pulse::drift
