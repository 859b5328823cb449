// Runs all parts of a diagnosis in order.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/source_questions.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

ChangeType ChangeTypeOf(const DiagnosisInput& input) {
    const std::string& detector = input.detector;
    if (detector == "distribution_shift" || detector == "null_spike" || detector == "nan_spike" ||
        detector == "new_value" || detector == "vanished_value")
        return ChangeType::kShape;
    if (detector == "conversion_anomaly") return ChangeType::kConversion;
    if (detector == "expected_range")
        return input.attribute == "conversion_rate" ? ChangeType::kConversion : ChangeType::kSize;
    if (detector == "membership_churn") return ChangeType::kChurn;
    if (detector == "inactivity_creep")
        return input.before && input.after && input.before->inactive && input.after->inactive
                   ? ChangeType::kInactive
                   : ChangeType::kChurn;
    if (detector == "schema_change") return ChangeType::kSchema;
    return ChangeType::kSize;
}

std::string InWords(const std::string& name) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    return words;
}

std::string Title(const DiagnosisInput& input) {
    std::string title = Short(input.segment) + ", " + InWords(input.detector);
    if (!input.attribute.empty()) title += " of " + Short(input.attribute, 40);
    return title + " (" + input.severity + ", " + input.status + ")";
}

// Describes the observed figure of detectors that are not about the size.
std::string DescribeObserved(const DiagnosisInput& input, ChangeType change_type) {
    if (!input.baseline || !input.observed) return "";
    const std::string name = Short(input.attribute, 40);
    const std::string& members = input.words.members;
    switch (change_type) {
        case ChangeType::kConversion:
            return "Conversion rate: " + Percent(*input.baseline) + " normally, now " +
                   Percent(*input.observed) + ".";
        case ChangeType::kChurn:
            return Capitalized(members) + " " + input.words.who +
                   " left or were exchanged: " + Percent(*input.baseline) + " normally, now " +
                   Percent(*input.observed) + ".";
        case ChangeType::kInactive:
            return "Inactive " + members + ": " + Percent(*input.baseline) + " normally, now " +
                   Percent(*input.observed) + ".";
        case ChangeType::kShape:
            // The figure that the incident itself shows.
            if (input.detector == "distribution_shift")
                return Percent(*input.observed) + " of the " + members + " moved between values of " + name +
                       ", more than chance explains.";
            if (input.detector == "new_value" || input.detector == "vanished_value")
                return Capitalized(members) + " with values of " + name +
                       (input.detector == "new_value" ? " that are new: " : " that vanished: ") +
                       Percent(*input.baseline) + " normally, now " + Percent(*input.observed) + ".";
            if (input.detector == "null_spike")
                return Capitalized(members) + " without a value of " + name + ": " +
                       Percent(*input.baseline) + " normally, now " + Percent(*input.observed) + ".";
            if (input.detector == "nan_spike")
                return Capitalized(members) + " whose " + name + " is NaN: " + Percent(*input.baseline) +
                       " normally, now " + Percent(*input.observed) + ".";
            return "";
        default: return "";
    }
}

std::vector<std::string> DescribeChange(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    std::vector<std::string> sentences;
    if (context.comparable) {
        const int64_t growth = context.growth();
        std::string size = "The segment has " + input.words.Members(context.after_size) + " on " +
                           context.When(input.after->taken_at) + ", after " + Thousands(context.before_size) +
                           " on " + context.When(input.before->taken_at);
        if (growth == 0)
            size += ": the same number.";
        else
            size += ": " + Thousands(std::abs(growth)) + (growth < 0 ? " fewer" : " more") +
                    (context.before_size > 0 ? " (" + SignedPercent(context.relative()) + ")." : ".");
        context.cited_size = context.AddEvidence("size", size,
                                                 {{"before", context.before_size},
                                                  {"after", context.after_size},
                                                  {"change", context.relative()},
                                                  {"baseline_snapshot", input.before->id},
                                                  {"snapshot", input.after->id}});
        sentences.push_back(size);
    } else if (input.baseline && input.observed && context.change_type == ChangeType::kSize) {
        sentences.push_back("The segment normally has " + input.words.Members(std::llround(*input.baseline)) +
                            " and now " + Thousands(std::llround(*input.observed)) + ".");
    } else {
        sentences.push_back("No two measurements can be compared.");
    }
    if (const std::string observed = DescribeObserved(input, context.change_type); !observed.empty())
        sentences.push_back(observed);
    // What came later is told, but is no cause of what was there before.
    if (input.failed && context.comparable) {
        sentences.push_back("The newest measurement, of " + context.When(input.failed->taken_at) +
                            ", failed: " + Short(input.failed->error, 200) + ".");
        context.AddEvidence("measurement", sentences.back(),
                            {{"snapshot", input.failed->id}, {"sqlstate", input.failed->error_state}});
    }
    return sentences;
}

std::string DescribeOnset(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    std::string sentence = "Seen since " + context.When(input.since);
    const SizeTrend& trend = context.trend;
    if (!context.comparable || trend.steps == 0 || context.growth() == 0 ||
        std::abs(context.relative()) < 0.05)
        return sentence + ".";
    if (trend.largest_step >= 0.7)
        sentence += "; the change was sudden";
    else if (trend.steps >= 4 && trend.largest_step < 0.45)
        sentence +=
            "; the change was gradual, over " + Thousands(static_cast<int64_t>(trend.steps)) + " snapshots";
    else
        sentence += "; most of the change was seen by " + context.When(trend.largest_at);
    sentence += ".";
    context.AddEvidence("history", sentence,
                        {{"since", FormatMoment(input.since)},
                         {"steps", trend.steps},
                         {"largest_step", trend.largest_step},
                         {"usual_change", trend.variability}});
    return sentence;
}

}  // namespace

Diagnosis Diagnose(const DiagnosisInput& input) {
    DiagnosisContext context(input);
    context.comparable = input.before && input.after && !input.before->failed && !input.after->failed;
    context.change_type = ChangeTypeOf(input);
    context.trend = ComputeSizeTrend(input);
    if (context.comparable) {
        context.before_size = input.before->size;
        context.after_size = input.after->size;
        context.changes = Compare(*input.before, *input.after, context.trend.variability);
        std::erase_if(context.changes, [](const DistributionChange& change) {
            return change.attribute.ends_with(kConvertedSuffix);
        });
        context.shifts = FindValueShifts(context.changes);
    }
    Diagnosis diagnosis;
    diagnosis.incident = input.incident;
    diagnosis.segment = input.segment;
    diagnosis.title = Title(input);
    diagnosis.what_changed = DescribeChange(context);
    diagnosis.since = DescribeOnset(context);
    AddMeasurementHypotheses(context);
    AddSourceTableHypotheses(context);
    AddServerHypothesis(context);
    AddOneServerHypothesis(context);
    AddRuleHypotheses(context);
    AddValueHypotheses(context);
    AddCombinationHypothesis(context);
    AddSizeTrendHypotheses(context);
    AddRateHypotheses(context);
    Rank(context);
    AddCorrelatedIncidentHypotheses(context);
    Rank(context);
    diagnosis.attribution = Attribute(context, diagnosis.attribution_of);
    diagnosis.recommendations = Recommend(context);
    AddRelated(context, diagnosis);
    diagnosis.not_asked = input.not_asked;
    diagnosis.evidence = std::move(context.evidence);
    diagnosis.hypotheses = std::move(context.hypotheses);
    return diagnosis;
}

}  // namespace pulse::diagnosis
