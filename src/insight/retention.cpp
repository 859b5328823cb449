#include "pulse/insight/retention.hpp"

#include <algorithm>

namespace pulse::insight {

RetentionTally::RetentionTally(const RetentionRules& rules)
    : rules_(rules),
      cells_(static_cast<size_t>(rules.last_cohort - rules.first_cohort + 1) *
             static_cast<size_t>(rules.periods + 2)) {}

void RetentionTally::Add(std::span<const ActivePeriod> periods) {
    bool in_cohort = false;
    for (size_t i = 0; i < periods.size(); ++i) {
        if (!periods[i].start) continue;
        if (periods[i].number > rules_.last_cohort) break;
        if (periods[i].number >= rules_.first_cohort) {
            AddCohort(periods[i], periods.subspan(i));
            in_cohort = true;
        }
        if (!rules_.recurring) break;
    }
    people_ += in_cohort;
}

void RetentionTally::AddCohort(const ActivePeriod& start, std::span<const ActivePeriod> periods) {
    int64_t* const row = &cells_[Row(start.number)];
    ++row[0];
    int64_t furthest = -1;
    for (const ActivePeriod& period : periods) {
        if (!period.again) continue;
        const int64_t after = period.number - start.number;
        if (after == 0 && *period.again < *start.start) continue;
        furthest = after;
        if (rules_.unbounded) continue;
        if (after > rules_.periods) return;
        ++row[1 + after];
    }
    if (!rules_.unbounded) return;
    for (int64_t after = 0; after <= std::min(furthest, rules_.periods); ++after) ++row[1 + after];
}

void RetentionTally::Add(const RetentionTally& other) {
    people_ += other.people_;
    for (size_t i = 0; i < cells_.size(); ++i) cells_[i] += other.cells_[i];
}

}  // namespace pulse::insight
