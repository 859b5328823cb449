#include "pulse/diagnosis/context.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/time_text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kMinConfidence = 0.1;  // hypotheses below it are dropped

}  // namespace

const char* Name(Cause cause) {
    switch (cause) {
        case Cause::kMeasurementFailed: return "measurement_failed";
        case Cause::kSchemaChange: return "schema_change";
        case Cause::kRuleTightened: return "rule_tightened";
        case Cause::kRuleLoosened: return "rule_loosened";
        case Cause::kSharedUpstream: return "shared_upstream_cause";
        case Cause::kServerTrouble: return "server_trouble";
        case Cause::kSourceEmptied: return "source_emptied";
        case Cause::kValueRenamed: return "value_renamed";
        case Cause::kColumnNulled: return "column_nulled";
        case Cause::kColumnFilled: return "column_filled";
        case Cause::kValueVanished: return "value_vanished";
        case Cause::kOneValueLost: return "one_value_lost";
        case Cause::kValueInflux: return "value_influx";
        case Cause::kCombinationLost: return "combination_lost";
        case Cause::kCombinationInflux: return "combination_influx";
        case Cause::kClauseShift: return "clause_shift";
        case Cause::kValuesRescaled: return "values_rescaled";
        case Cause::kMixShift: return "mix_shift";
        case Cause::kIdentityChanged: return "identity_changed";
        case Cause::kEntriesStopped: return "entries_stopped";
        case Cause::kExitsSurged: return "exits_surged";
        case Cause::kGradualErosion: return "gradual_erosion";
        case Cause::kUniformLoss: return "uniform_loss";
        case Cause::kUniformGrowth: return "uniform_growth";
        case Cause::kConversionTrackingLost: return "conversion_tracking_lost";
        case Cause::kConversionRateFall: return "conversion_rate_fall";
        case Cause::kConversionRateRise: return "conversion_rate_rise";
        case Cause::kWentQuiet: return "went_quiet";
        case Cause::kExpectationOutdated: return "expectation_outdated";
        case Cause::kTableTrouble: return "table_trouble";
        case Cause::kLoadStopped: return "load_stopped";
        case Cause::kSourceLate: return "source_late";
        case Cause::kReplicaLate: return "replica_late";
        case Cause::kRowsRemoved: return "rows_removed";
        case Cause::kRowsAdded: return "rows_added";
        case Cause::kColumnsChanged: return "columns_changed";
        case Cause::kBadRows: return "bad_rows";
        case Cause::kCheckFails: return "check_fails";
        case Cause::kTableGone: return "table_gone";
        case Cause::kReleaseChanged: return "release_changed";
        case Cause::kPropertyRenamed: return "property_renamed";
        case Cause::kSourceSilent: return "source_silent";
        case Cause::kTrackingAdded: return "tracking_added";
        case Cause::kUnexplained: return "unexplained";
    }
    return "unexplained";
}

// Snapshots taken by hand may have one date, too.
std::string DiagnosisContext::When(Moment moment) const {
    const bool same_date = input.before && input.after &&
                           FormatDate(input.before->taken_at) == FormatDate(input.after->taken_at);
    return FormatSnapshotTime(moment, same_date ? 0 : input.cadence);
}

double DiagnosisContext::size_z() const {
    const double sum = static_cast<double>(before_size) + static_cast<double>(after_size);
    return static_cast<double>(growth()) / std::sqrt(1 + sum + std::pow(trend.variability * sum / 2, 2));
}

double DiagnosisContext::concentrated() const {
    double most = 0;
    for (const ValueShift& shift : shifts) most = std::max(most, shift.size_share * shift.support);
    return most;
}

std::string DiagnosisContext::AddEvidence(const std::string& kind, const std::string& sentence,
                                          const nlohmann::json& figures) {
    for (const Evidence& fact : evidence)
        if (fact.sentence == sentence) return fact.id;
    evidence.push_back({"e" + std::to_string(evidence.size() + 1), kind, sentence, figures});
    return evidence.back().id;
}

void DiagnosisContext::AddHypothesis(Cause cause, double confidence, const std::string& sentence,
                                     std::vector<std::string> cited, RecommendationSubject subject) {
    confidence = std::min(Unit(confidence), 0.98);
    if (confidence < kMinConfidence) return;
    hypotheses.push_back({cause, confidence, sentence, std::move(cited), std::move(subject)});
}

}  // namespace pulse::diagnosis
