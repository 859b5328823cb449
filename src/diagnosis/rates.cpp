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

std::optional<Rates> Compare(std::optional<int64_t> before, std::optional<int64_t> after,
                             const Workbook& book) {
    if (!before || !after || book.before_size <= 0 || book.after_size <= 0) return std::nullopt;
    const drift::statistics::Proportion reference{*before, book.before_size},
        current{*after, book.after_size};
    const auto test = drift::statistics::CompareProportions(reference, current);
    return Rates{reference.rate(), current.rate(), test.z, *before, *after};
}

// The people who make up the shift of the mix: the strongest move that is no mere rename.
const ValueMove* MainMove(const Workbook& book) {
    const ValueMove* main = nullptr;
    const auto weight = [](const ValueMove& move) { return static_cast<double>(move.people) * move.support; };
    for (const ValueMove& move : book.moves) {
        if (move.move == Move::kRenamed || move.move == Move::kNulled || move.move == Move::kFilled) continue;
        if (!main || weight(move) > weight(*main)) main = &move;
    }
    return main;
}

const AttributeChange* MostShifted(const Workbook& book) {
    const AttributeChange* most = nullptr;
    for (const AttributeChange& change : book.changes) {
        const bool renamed = std::any_of(book.moves.begin(), book.moves.end(), [&](const ValueMove& move) {
            return move.attribute == change.attribute &&
                   (move.move == Move::kRenamed || move.move == Move::kNulled || move.move == Move::kFilled);
        });
        if (!renamed && (!most || change.distance > most->distance)) most = &change;
    }
    return most;
}

// How plausible it is that only the mix moved and everybody converts as before. When the size changed, the
// people who came or went must have converted at (c1 - c0) / (n1 - n0): possible only between 0 and 1. When
// shares were exchanged, the two groups' rates must differ by change / distance.
double MixPlausibility(const Workbook& book, const Rates& rates, const AttributeChange* shifted) {
    if (!shifted || shifted->distance < 0.04) return 0;
    const double change = rates.after - rates.before;
    const double gap = std::abs(change) / shifted->distance;  // rates of the groups that changed places
    // Groups differ by a factor, hardly ever by more than four times the average.
    double plausible = Unit(1.25 - gap / std::max(4 * rates.before, 1e-9));
    if (rates.before + gap > 1.5) plausible = 0;
    if (std::abs(book.relative()) > 0.1) {
        const double implied =
            static_cast<double>(rates.count_after - rates.count_before) / static_cast<double>(book.growth());
        plausible = implied < -0.03 || implied > 1 ? 0.1 * plausible : std::max(plausible, 0.8);
    }
    return plausible * Unit(shifted->distance / 0.12);
}

// The rate of those who came or went, if everybody else converts as before.
std::string ImpliedRate(const Workbook& book, const Rates& rates) {
    if (std::abs(book.relative()) < 0.1) return "";
    const double implied =
        static_cast<double>(rates.count_after - rates.count_before) / static_cast<double>(book.growth());
    if (implied < 0 || implied > 1) return "";
    return std::string(" If everybody else converts as before, those who ") +
           (book.growth() < 0 ? "left" : "came") + " convert at " + Percent(implied) +
           ", the segment before at " + Percent(rates.before) + ".";
}

void SupposeConversion(Workbook& book) {
    const auto rates = Compare(book.input.before->converted, book.input.after->converted, book);
    if (!rates || std::abs(rates->relative()) < 0.02) return;
    const bool asked = book.target == Target::kConversion;
    const double support = Support(rates->z) * (asked ? 1 : 0.4);
    const std::string fact = "Conversion went from " + Percent(rates->before) + " (" +
                             Thousands(rates->count_before) + " people) to " + Percent(rates->after) + " (" +
                             Thousands(rates->count_after) + ").";
    const std::string id =
        book.Cite("conversion", fact,
                  {{"before", rates->before}, {"after", rates->after}, {"change", rates->relative()}});
    if (rates->after < 0.02 * rates->before && rates->count_before >= 10) {
        book.Suppose(Cause::kConversionTrackingLost, 0.95 * support,
                     "Hardly any conversion is counted any more. People do not stop all at once: most likely "
                     "conversions are not recorded.",
                     {id});
        return;
    }
    const AttributeChange* shifted = MostShifted(book);
    const double mix = MixPlausibility(book, *rates, shifted);
    if (mix > 0) {
        const ValueMove* main = MainMove(book);
        Subject subject;
        subject.attribute = shifted->attribute;
        if (main && main->attribute == shifted->attribute && main->labelled) subject.values = main->labels;
        const std::string shift =
            "Shares of " + Short(shifted->attribute, 40) + " moved by " + Percent(shifted->distance) + ".";
        std::vector<std::string> cited{
            id, book.Cite("attribute", shift,
                          {{"attribute", shifted->attribute}, {"distance", shifted->distance}})};
        book.Suppose(Cause::kMixShift, support * 0.9 * mix,
                     "Other people than before make up the segment, and they convert differently: " + shift +
                         ImpliedRate(book, *rates) +
                         " Rates per value are not measured, so this follows from the counts.",
                     cited, subject);
    }
    const bool fell = rates->after < rates->before;
    book.Suppose(fell ? Cause::kConversionRateFall : Cause::kConversionRateRise,
                 support * 0.92 * (1 - 0.7 * mix),
                 std::string("People convert ") + (fell ? "less" : "more") + " than before: " + fact +
                     (mix < 0.3 ? " The audience itself is much the same." : ""),
                 {id});
}

void SupposeActivity(Workbook& book) {
    const auto rates = Compare(book.input.before->inactive, book.input.after->inactive, book);
    if (!rates || rates->after <= rates->before || rates->z < 3) return;
    const std::string fact = "Inactive members went from " + Percent(rates->before) + " to " +
                             Percent(rates->after) + " of the segment.";
    const std::string id = book.Cite("activity", fact, {{"before", rates->before}, {"after", rates->after}});
    // All active people gone over night is no behaviour.
    const bool all = rates->after > 0.97 && rates->before < 0.7;
    book.Suppose(Cause::kWentQuiet, 0.9 * Support(rates->z) * (book.target == Target::kInactive ? 1 : 0.3),
                 all ? "Everybody counts as inactive at once: the time of the last activity is most likely "
                       "not recorded any more."
                     : "Members went quiet: " + fact,
                 {id});
}

void SupposeExpectation(Workbook& book) {
    if (book.input.detector != "expected_range") return;
    const double still = 1 - Unit(std::abs(book.relative()) / 0.15);
    const std::string what = book.input.attribute.empty() ? "size" : Short(book.input.attribute, 40);
    book.Suppose(
        Cause::kExpectationOutdated, 0.75 * still,
        "The segment is much as it was; the expected range of its " + what + " does not fit it (any more).",
        {book.cited_size});
}

}  // namespace

void SupposeRates(Workbook& book) {
    if (!book.comparable) return;
    SupposeConversion(book);
    SupposeActivity(book);
    SupposeExpectation(book);
}

}  // namespace pulse::diagnosis
