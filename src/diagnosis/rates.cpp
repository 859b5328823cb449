// Hypotheses about rates: conversion and activity. Snapshots hold one rate for the whole segment and none per
// value, so how much of a change is mix and how much is behaviour can be bounded from the counts, not
// measured.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"
#include "pulse/drift/statistics/proportion.hpp"

namespace pulse::diagnosis {

namespace {

struct Rates {
    double before = 0, after = 0, z = 0;
    int64_t count_before = 0, count_after = 0;

    double relative() const { return before > 0 ? after / before - 1 : 0; }
};

std::optional<Rates> CompareRates(std::optional<int64_t> before, std::optional<int64_t> after,
                                  const DiagnosisContext& context) {
    if (!before || !after || context.before_size <= 0 || context.after_size <= 0) return std::nullopt;
    const drift::statistics::Proportion reference{*before, context.before_size},
        current{*after, context.after_size};
    const auto test = drift::statistics::CompareProportions(reference, current);
    return Rates{reference.rate(), current.rate(), test.z, *before, *after};
}

// The shift that explains most of the change of the mix, renames excluded.
const ValueShift* MainShift(const DiagnosisContext& context) {
    const ValueShift* main = nullptr;
    const auto weight = [](const ValueShift& shift) {
        return static_cast<double>(shift.people) * shift.support;
    };
    for (const ValueShift& shift : context.shifts) {
        if (shift.kind == ShiftKind::kRenamed || shift.kind == ShiftKind::kNulled ||
            shift.kind == ShiftKind::kFilled)
            continue;
        if (!main || weight(shift) > weight(*main)) main = &shift;
    }
    return main;
}

const DistributionChange* MostShifted(const DiagnosisContext& context) {
    const DistributionChange* most = nullptr;
    for (const DistributionChange& change : context.changes) {
        const bool renamed =
            std::any_of(context.shifts.begin(), context.shifts.end(), [&](const ValueShift& shift) {
                return shift.attribute == change.attribute &&
                       (shift.kind == ShiftKind::kRenamed || shift.kind == ShiftKind::kNulled ||
                        shift.kind == ShiftKind::kFilled);
            });
        if (!renamed && (!most || change.distance > most->distance)) most = &change;
    }
    return most;
}

// How plausible it is that only the mix moved and everybody converts as before. When the size changed, the
// people who came or went must have converted at (c1 - c0) / (n1 - n0): possible only between 0 and 1. When
// shares were exchanged, the two groups' rates must differ by change / distance.
double MixPlausibility(const DiagnosisContext& context, const Rates& rates,
                       const DistributionChange* shifted) {
    if (!shifted || shifted->distance < 0.04) return 0;
    const double change = rates.after - rates.before;
    const double gap =
        std::abs(change) / shifted->distance;  // difference of the rates of the groups that were exchanged
    // Groups differ by a factor, hardly ever by more than four times the average.
    double plausible = Unit(1.25 - gap / std::max(4 * rates.before, 1e-9));
    if (rates.before + gap > 1.5) plausible = 0;
    if (std::abs(context.relative()) > 0.1) {
        const double implied = static_cast<double>(rates.count_after - rates.count_before) /
                               static_cast<double>(context.growth());
        plausible = implied < -0.03 || implied > 1 ? 0.1 * plausible : std::max(plausible, 0.8);
    }
    return plausible * Unit(shifted->distance / 0.12);
}

// The rate of those who came or went, if everybody else converts as before.
std::string ImpliedRate(const DiagnosisContext& context, const Rates& rates) {
    if (std::abs(context.relative()) < 0.1) return "";
    const double implied =
        static_cast<double>(rates.count_after - rates.count_before) / static_cast<double>(context.growth());
    if (implied < 0 || implied > 1) return "";
    return " If the others convert as before, those " + context.input.words.who + " " +
           (context.growth() < 0 ? "left" : "came") + " convert at " + Percent(implied) +
           ", the segment before at " + Percent(rates.before) + ".";
}

void AddConversionHypotheses(DiagnosisContext& context) {
    const auto rates = CompareRates(context.input.before->converted, context.input.after->converted, context);
    if (!rates || std::abs(rates->relative()) < 0.02) return;
    const bool asked = context.change_type == ChangeType::kConversion;
    const double support = Support(rates->z) * (asked ? 1 : 0.4);
    const segment::MemberWords& words = context.input.words;
    const std::string fact = "Conversion went from " + Percent(rates->before) + " (" +
                             words.Members(rates->count_before) + ") to " + Percent(rates->after) + " (" +
                             Thousands(rates->count_after) + ").";
    const std::string id = context.AddEvidence(
        "conversion", fact,
        {{"before", rates->before}, {"after", rates->after}, {"change", rates->relative()}});
    if (rates->after < 0.02 * rates->before && rates->count_before >= 10) {
        context.AddHypothesis(Cause::kConversionTrackingLost, 0.95 * support,
                              "Hardly any conversions are counted now. " + Capitalized(words.members) +
                                  " do not all stop at once: most likely conversions are not recorded.",
                              {id});
        return;
    }
    if (AddValueRateHypothesis(context, support, id)) return;
    const DistributionChange* shifted = MostShifted(context);
    const double mix = MixPlausibility(context, *rates, shifted);
    if (mix > 0) {
        const ValueShift* main = MainShift(context);
        RecommendationSubject subject;
        subject.attribute = shifted->attribute;
        if (main && main->attribute == shifted->attribute && main->labelled) subject.values = main->labels;
        const std::string shifted_shares =
            "Shares of " + Short(shifted->attribute, 40) + " moved by " + Percent(shifted->distance) + ".";
        std::vector<std::string> cited{
            id, context.AddEvidence("attribute", shifted_shares,
                                    {{"attribute", shifted->attribute}, {"distance", shifted->distance}})};
        // A value that nobody had before is no other mix of the people that were there.
        const auto fresh = std::find_if(shifted->cells.begin(), shifted->cells.end(),
                                        [](const Cell& cell) { return cell.came_from_nothing(); });
        const bool appeared = fresh != shifted->cells.end();
        if (appeared) subject.values = {fresh->label};
        context.AddHypothesis(
            appeared ? Cause::kValueInflux : Cause::kMixShift, support * 0.9 * mix,
            (appeared ? Short(shifted->attribute, 40) + " " + ShortValue(CellLabel(*fresh)) +
                            " is new in the segment, and the mix with it converts differently: "
                      : "The mix of " + words.members +
                            " in the segment changed, and the new mix converts differently: ") +
                shifted_shares + ImpliedRate(context, *rates) +
                " Rates per value are not measured, so this follows from the counts.",
            cited, subject);
    }
    const bool fell = rates->after < rates->before;
    context.AddHypothesis(
        fell ? Cause::kConversionRateFall : Cause::kConversionRateRise, support * 0.92 * (1 - 0.7 * mix),
        Capitalized(words.members) + " convert " + (fell ? "less" : "more") + " than before: " + fact +
            (mix < 0.3 ? " The mix of " + words.members + " has hardly changed." : ""),
        {id});
}

void AddActivityHypothesis(DiagnosisContext& context) {
    const auto rates = CompareRates(context.input.before->inactive, context.input.after->inactive, context);
    if (!rates || rates->after <= rates->before || rates->z < 3) return;
    const std::string& members = context.input.words.members;
    const std::string fact = "Inactive " + members + " went from " + Percent(rates->before) + " to " +
                             Percent(rates->after) + " of the segment.";
    const std::string id =
        context.AddEvidence("activity", fact, {{"before", rates->before}, {"after", rates->after}});
    // All members becoming inactive overnight is not behaviour.
    const bool all = rates->after > 0.97 && rates->before < 0.7;
    context.AddHypothesis(
        Cause::kWentQuiet, 0.9 * Support(rates->z) * (context.change_type == ChangeType::kInactive ? 1 : 0.3),
        all ? "All " + members +
                  " became inactive at once: most likely the time of the last activity is no longer recorded."
            : Capitalized(members) + " became less active: " + fact,
        {id});
}

void AddExpectationHypothesis(DiagnosisContext& context) {
    if (context.input.detector != "expected_range") return;
    const double still = 1 - Unit(std::abs(context.relative()) / 0.15);
    const std::string what = context.input.attribute.empty() ? "size" : Short(context.input.attribute, 40);
    context.AddHypothesis(
        Cause::kExpectationOutdated, 0.75 * still,
        "The segment has hardly changed; the expected range of its " + what + " no longer fits.",
        {context.cited_size});
}

}  // namespace

void AddRateHypotheses(DiagnosisContext& context) {
    if (!context.comparable) return;
    AddConversionHypotheses(context);
    AddActivityHypothesis(context);
    AddExpectationHypothesis(context);
}

}  // namespace pulse::diagnosis
