// Conversion per value of an attribute: which value lost it.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/context.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/drift/statistics/proportion.hpp"

namespace pulse::diagnosis {

namespace {

using drift::statistics::Proportion;

// One value, and all others, before and after.
struct ValueRate {
    std::string attribute, value;
    Proportion before, after, others_before, others_after;
    double share = 0;      // of the conversions that all values together lost or gained
    double clearness = 0;  // in standard errors: how much more the value changed than the others
};

const snapshot::Distribution* FindAttribute(const SegmentSnapshot& snapshot, const std::string& name) {
    const auto found = std::find_if(snapshot.attributes.begin(), snapshot.attributes.end(),
                                    [&](const snapshot::Distribution& one) { return one.attribute == name; });
    return found == snapshot.attributes.end() ? nullptr : &*found;
}

int64_t LabelCount(const snapshot::Distribution& distribution, const std::string& label) {
    const auto found = std::find(distribution.labels.begin(), distribution.labels.end(), label);
    return found == distribution.labels.end()
               ? 0
               : distribution.counts[static_cast<size_t>(found - distribution.labels.begin())];
}

// The counts of one attribute in one snapshot.
struct Measured {
    const snapshot::Distribution *all, *converted;

    static std::optional<Measured> Of(const SegmentSnapshot& snapshot, const std::string& attribute) {
        const snapshot::Distribution *all = FindAttribute(snapshot, attribute),
                                     *converted =
                                         FindAttribute(snapshot, attribute + std::string(kConvertedSuffix));
        if (!all || !converted || !all->labelled() || !converted->labelled()) return std::nullopt;
        return Measured{all, converted};
    }
    Proportion Rate(const std::string& label) const {
        return {LabelCount(*converted, label), LabelCount(*all, label)};
    }
};

// Conversions gained since before, with the number of members now.
double Gained(Proportion before, Proportion after) {
    return static_cast<double>(after.trials) * (after.rate() - before.rate());
}

// The square of the standard error of a rate.
double Uncertainty(Proportion rate) {
    return rate.rate() * (1 - rate.rate()) / static_cast<double>(rate.trials);
}

// How much more the value changed than the others, in standard errors.
double ChangeBeyondOthers(const ValueRate& rate) {
    const double own = rate.after.rate() - rate.before.rate(),
                 others = rate.others_after.rate() - rate.others_before.rate();
    const double variance = Uncertainty(rate.before) + Uncertainty(rate.after) +
                            Uncertainty(rate.others_before) + Uncertainty(rate.others_after);
    return variance > 0 && std::abs(own) > std::abs(others) ? std::abs(own - others) / std::sqrt(variance)
                                                            : 0;
}

void CompareValues(const DiagnosisContext& context, const std::string& attribute,
                   std::optional<ValueRate>& best) {
    const SegmentSnapshot &before = *context.input.before, &after = *context.input.after;
    const std::optional<Measured> then = Measured::Of(before, attribute),
                                  now = Measured::Of(after, attribute);
    if (!then || !now || !before.converted || !after.converted) return;
    const double whole = Gained({*before.converted, before.size}, {*after.converted, after.size});
    for (const std::string& label : then->all->labels) {
        ValueRate rate{attribute, label, then->Rate(label), now->Rate(label), {}, {}};
        if (rate.before.trials < 10 || rate.after.trials < 10 || whole == 0) continue;
        rate.others_before = {*before.converted - rate.before.successes, before.size - rate.before.trials};
        rate.others_after = {*after.converted - rate.after.successes, after.size - rate.after.trials};
        rate.share = Gained(rate.before, rate.after) / whole;
        if (rate.others_before.trials < 10 || rate.others_after.trials < 10) continue;
        rate.clearness = ChangeBeyondOthers(rate);
        if (rate.clearness < 3 || rate.share < 0.5) continue;
        if (!best || rate.clearness > best->clearness) best = rate;
    }
}

}  // namespace

bool AddValueRateHypothesis(DiagnosisContext& context, double support, const std::string& cited) {
    std::optional<ValueRate> best;
    for (const snapshot::Distribution& one : context.input.before->attributes)
        if (!one.attribute.ends_with(kConvertedSuffix)) CompareValues(context, one.attribute, best);
    if (!best) return false;
    const bool fell = best->after.rate() < best->before.rate();
    std::string sentence = Capitalized(context.input.words.members) + " with " + Short(best->attribute, 40) +
                           " " + ShortValue(best->value) + " convert " + (fell ? "less" : "more") +
                           " than before: " + Percent(best->after.rate()) + " of " +
                           Thousands(best->after.trials) + ", after " + Percent(best->before.rate()) +
                           " of " + Thousands(best->before.trials) + ".";
    sentence += " All others convert at " + Percent(best->others_after.rate()) + ", after " +
                Percent(best->others_before.rate()) + ".";
    const std::string id = context.AddEvidence("conversion of a value", sentence,
                                               {{"attribute", best->attribute},
                                                {"value", best->value},
                                                {"before", best->before.rate()},
                                                {"after", best->after.rate()},
                                                {"others_before", best->others_before.rate()},
                                                {"others_after", best->others_after.rate()},
                                                {"share", std::min(1.0, best->share)}});
    RecommendationSubject subject;
    subject.attribute = best->attribute;
    subject.values = {best->value};
    context.AddHypothesis(fell ? Cause::kConversionRateFall : Cause::kConversionRateRise, 0.96 * support,
                          sentence, {cited, id}, subject);
    return true;
}

}  // namespace pulse::diagnosis
