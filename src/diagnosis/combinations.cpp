// Causes that are a combination: people with one value of this attribute and one of that, together.
//
// Snapshots count each attribute by itself, so several attributes show the same loss. Which of their values
// were lost only together is decided with the counts of the present: for each set of conditions (a pair, a
// triple), the people that were lost are put back to those who meet all of them, and every attribute's count
// before must come out. A further condition must pay for its length.
#include <algorithm>
#include <bit>
#include <cmath>

#include "pulse/diagnosis/context.hpp"
#include "pulse/diagnosis/source_questions.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMostConditions =
    5;                              // compared with each other: at most 2^5 counts and 25 sets of conditions
constexpr int kMostTogether = 3;    // in one combination
constexpr double kMixNoise = 0.01;  // usual relative change of a value beyond that of the others
constexpr double kPricePerCondition = 3;  // in half squares of standard deviations
constexpr double kTolerance = 0.05;  // of the people concerned: what a model of the change cannot tell apart
constexpr double kMinNarrowing = 0.08;  // share of people that a condition must exclude

constexpr double kMinExchanged = 0.1;  // values of people who stay change, too

// The share of people who usually come or leave between the two snapshots; unknown: all of them.
double Exchanged(const DiagnosisInput& input, const SizeTrend& trend) {
    constexpr size_t kMinFlows = 4;
    constexpr double kAll = 2;  // both snapshots are then samples that are independent of each other
    if (trend.flow_points < kMinFlows || !trend.usual_entered || !trend.usual_exited ||
        input.before->size <= 0)
        return kAll;
    const double daily =
        (*trend.usual_entered + *trend.usual_exited) / static_cast<double>(input.before->size);
    return std::clamp(daily * static_cast<double>(std::max<size_t>(trend.steps, 1)), kMinExchanged, kAll);
}

// The people with some values of an attribute: how many were lost (gained: negative) beyond what all others
// did.
struct Margin {
    double lost = 0, after = 0, noise = 0;  // noise: variance of lost
};

bool HasValue(const std::vector<std::string>& values, const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

Margin MarginOf(const DistributionChange& change, const std::vector<std::string>& values, double exchanged) {
    Margin margin;
    double before = 0, rest_before = 0, rest_after = 0;
    for (const Cell& cell : change.cells) {
        const bool own = cell.kind == CellKind::kValue && HasValue(values, cell.label);
        (own ? before : rest_before) += static_cast<double>(cell.before);
        (own ? margin.after : rest_after) += static_cast<double>(cell.after);
    }
    const double scale = rest_before > 0 ? rest_after / rest_before : 1;
    margin.lost = scale * before - margin.after;
    margin.noise = exchanged / 2 * (before + margin.after + before * before / std::max(rest_before, 1.0)) +
                   std::pow(kMixNoise * before, 2) + 1;
    return margin;
}

bool HasDirection(const ValueShift& shift, bool fell) {
    if (shift.kind == ShiftKind::kLost || shift.kind == ShiftKind::kVanished) return fell;
    return (shift.kind == ShiftKind::kGrew || shift.kind == ShiftKind::kAppeared) && !fell;
}

const ValueShift* FindShift(const std::vector<ValueShift>& shifts, const std::string& attribute, bool fell) {
    for (const ValueShift& shift : shifts)
        if (shift.attribute == attribute && shift.labelled && HasDirection(shift, fell)) return &shift;
    return nullptr;
}

// The value that changed by most people beyond the others of its attribute.
std::vector<std::string> MostMoved(const DistributionChange& change, bool fell, double exchanged) {
    std::vector<std::string> most;
    double people = 0;
    for (const Cell& cell : change.cells) {
        if (cell.kind != CellKind::kValue) continue;
        const double moved = MarginOf(change, {cell.label}, exchanged).lost * (fell ? 1 : -1);
        if (moved <= people) continue;
        people = moved;
        most = {cell.label};
    }
    return most;
}

// For each attribute the values in which the change is concentrated, if they concern about as many people as
// those of the attribute that shows it best.
std::vector<Condition> AlikeConditions(const std::vector<DistributionChange>& changes,
                                       const std::vector<ValueShift>& shifts, bool fell, double exchanged) {
    struct Found {
        Condition condition;
        double people = 0;
    };
    std::vector<Found> found;
    double most = 0;
    for (const DistributionChange& change : changes) {
        if (!change.labelled()) continue;
        const ValueShift* shift = FindShift(shifts, change.attribute, fell);
        std::vector<std::string> values = shift ? shift->labels : MostMoved(change, fell, exchanged);
        if (values.empty()) continue;
        const Margin margin = MarginOf(change, values, exchanged);
        const double people = margin.lost * (fell ? 1 : -1);
        if (people < 3 * std::sqrt(margin.noise)) continue;
        if (shift) most = std::max(most, people);
        found.push_back({{change.attribute, std::move(values)}, people});
    }
    std::erase_if(found, [&](const Found& one) { return most == 0 || one.people < 0.7 * most; });
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.people > b.people; });
    if (found.size() > kMostConditions) found.resize(kMostConditions);
    std::vector<Condition> conditions;
    for (Found& one : found) conditions.push_back(std::move(one.condition));
    return conditions;
}

bool Meets(size_t cell, size_t set) {
    return (cell & set) == set;
}

// Searches the sets of conditions for the one that explains what every attribute shows.
class CombinationSearch {
  public:
    CombinationSearch(const DiagnosisContext& context, const JointCounts& joint) : joint_(joint) {
        for (const Condition& condition : joint.conditions)
            for (const DistributionChange& change : context.changes)
                if (change.attribute == condition.attribute)
                    margins_.push_back(
                        MarginOf(change, condition.values, Exchanged(context.input, context.trend)));
    }
    // Bits of the conditions of the combination that explains it best; 0 without one.
    size_t Find();
    double certainty() const { return certainty_; }
    double people(size_t set) const;
    double after(size_t set) const {
        return Count([&](size_t cell) { return Meets(cell, set); });
    }

  private:
    bool SourceIsAsMeasured(double people) const;
    bool Narrows(size_t set) const;
    double Misfit(size_t set) const;
    template <typename Test>
    double Count(const Test& test) const {
        double count = 0;
        for (size_t cell = 0; cell < joint_.counts.size(); ++cell)
            if (test(cell)) count += static_cast<double>(joint_.counts[cell]);
        return count;
    }

    const JointCounts& joint_;
    std::vector<Margin> margins_;
    double certainty_ = 0;
};

// People lost by those who meet the whole set: what its conditions show on average. Gained: negative.
double CombinationSearch::people(size_t set) const {
    double sum = 0;
    for (size_t i = 0; i < margins_.size(); ++i)
        if (Meets(set, size_t{1} << i)) sum += margins_[i].lost;
    return sum / std::popcount(set);
}

// The counts are of the present: of use only while they are those of the snapshot.
bool CombinationSearch::SourceIsAsMeasured(double people) const {
    for (size_t i = 0; i < margins_.size(); ++i) {
        const double now = after(size_t{1} << i);
        if (std::abs(now - margins_[i].after) > 0.1 * std::abs(people) + 3) return false;
    }
    return true;
}

// Each condition must exclude people whom the others include.
bool CombinationSearch::Narrows(size_t set) const {
    for (size_t i = 0; i < margins_.size(); ++i) {
        const size_t one = size_t{1} << i, others = set & ~one;
        if (!Meets(set, one) || others == 0) continue;
        const double excluded = Count([&](size_t cell) { return Meets(cell, others) && !Meets(cell, one); });
        if (excluded < kMinNarrowing * (after(set) + people(set) + excluded)) return false;
    }
    return true;
}

// How badly the change of each attribute comes out when the people moved are those who meet the set, and are
// otherwise like the people who met it before and after.
double CombinationSearch::Misfit(size_t set) const {
    const double moved = people(set), stayed = std::max(0.0, after(set) + std::min(0.0, moved));
    double misfit = 0;
    for (size_t i = 0; i < margins_.size(); ++i) {
        const size_t one = size_t{1} << i;
        const double shown = people(one);
        double share = 1, doubt = 0;
        if (!Meets(set, one)) {
            const double both = std::clamp(after(set | one) + std::min(0.0, shown), 0.0, stayed);
            share = (both + 1) / (stayed + 2);
            doubt = moved * moved * share * (1 - share) / (stayed + 3);
        }
        const double noise = margins_[i].noise + doubt + std::pow(kTolerance * moved, 2);
        misfit += std::pow(shown - share * moved, 2) / noise / 2;
    }
    return misfit;
}

size_t CombinationSearch::Find() {
    const size_t sets = size_t{1} << margins_.size();
    if (margins_.size() < 2 || margins_.size() != joint_.conditions.size() || joint_.counts.size() != sets)
        return 0;
    if (!SourceIsAsMeasured(people(sets - 1))) return 0;
    double best = HUGE_VAL, best_single = HUGE_VAL;
    size_t found = 0;
    for (size_t set = 1; set < sets; ++set) {
        const int length = std::popcount(set);
        if (length > kMostTogether || (length > 1 && !Narrows(set))) continue;
        const double cost = Misfit(set) + kPricePerCondition * (length - 1);
        if (length == 1) best_single = std::min(best_single, cost);
        if (length == 1 || cost >= best) continue;
        best = cost;
        found = set;
    }
    // Where a single value explains it nearly as well, or a little better, either may be true.
    const double ahead = (best_single - best) / kPricePerCondition;
    certainty_ = ahead >= 0 ? 1 - 0.5 * std::exp(-ahead) : 0.5 * std::exp(2 * ahead);
    return found;
}

std::string Together(const std::vector<Condition>& conditions) {
    std::vector<std::string> words;
    for (const Condition& condition : conditions) {
        words.push_back(Short(condition.attribute, 40) + " = " + Listed(ShortValues(condition.values)));
    }
    return Listed(words, kMostTogether);
}

}  // namespace

std::vector<Condition> ConditionsToAsk(const DiagnosisInput& input) {
    if (!input.before || !input.after || input.before->failed || input.after->failed) return {};
    if (input.after->size == input.before->size) return {};
    const SizeTrend trend = ComputeSizeTrend(input);
    const auto changes = Compare(*input.before, *input.after, trend.variability);
    std::vector<Condition> conditions = AlikeConditions(
        changes, FindValueShifts(changes), input.after->size < input.before->size, Exchanged(input, trend));
    if (conditions.size() < 2) conditions.clear();
    return conditions;
}

void AddCombinationHypothesis(DiagnosisContext& context) {
    if (!context.comparable || !context.input.joint) return;
    const JointCounts& joint = *context.input.joint;
    CombinationSearch search(context, joint);
    const size_t set = search.Find();
    if (set == 0) return;
    RecommendationSubject subject;
    double confidence = 0;
    const bool fell = context.growth() < 0;
    for (size_t i = 0; i < joint.conditions.size(); ++i) {
        if (!Meets(set, size_t{1} << i)) continue;
        subject.conditions.push_back(joint.conditions[i]);
        if (const ValueShift* shift = FindShift(context.shifts, joint.conditions[i].attribute, fell))
            confidence = std::max(confidence, Strength(context, *shift, fell ? -1 : 1));
    }
    const int64_t people = std::llround(std::abs(search.people(set))),
                  after = std::llround(search.after(set));
    const int64_t before = std::max<int64_t>(0, fell ? after + people : after - people);
    subject.people = people;
    const std::string who = Together(subject.conditions);
    const std::string id = context.AddEvidence("combination",
                                               Capitalized(who) + " together: about " + Thousands(before) +
                                                   " before, " + Thousands(after) + " after.",
                                               {{"before", before}, {"after", after}, {"people", people}});
    context.AddHypothesis(
        fell ? Cause::kCombinationLost : Cause::kCombinationInflux, 0.97 * confidence * search.certainty(),
        std::string(fell ? "The loss is" : "The growth is") + " in one combination: " + who +
            " together. Those with only some of these values are about as many as before.",
        {id, context.cited_size}, subject);
}

}  // namespace pulse::diagnosis
