// Counting cohorts and who comes back. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::insight {

// What one person did in one period.
struct ActivePeriod {
    int64_t number = 0;
    std::optional<Moment> start;  // the first event that begins a cohort
    std::optional<Moment> again;  // the last event that counts as a return
};

struct RetentionRules {
    int64_t first_cohort = 0, last_cohort = 0;  // periods
    int64_t periods = 0;                        // cells 0 to `periods` after the cohort
    bool recurring = false;  // a person is in the cohort of every period with a start; else of the first one
    bool unbounded = false;  // a return counts in its period and in all before it
};

// People by cohort, and by the number of periods until their return. In period 0 only returns that are not
// before the start count.
class RetentionTally {
  public:
    explicit RetentionTally(const RetentionRules& rules);

    // Add a person; the periods are in ascending order.
    void Add(std::span<const ActivePeriod> periods);
    // Add what another one has counted by the same rules.
    void Add(const RetentionTally& other);

    int64_t People(int64_t cohort) const { return cells_[Row(cohort)]; }
    int64_t Returned(int64_t cohort, int64_t after) const {
        return cells_[Row(cohort) + 1 + static_cast<size_t>(after)];
    }
    // Each person once, however many cohorts it is in.
    int64_t AllPeople() const { return people_; }

  private:
    size_t Row(int64_t cohort) const {
        return static_cast<size_t>(cohort - rules_.first_cohort) * static_cast<size_t>(rules_.periods + 2);
    }
    void AddCohort(const ActivePeriod& start, std::span<const ActivePeriod> periods);

    RetentionRules rules_;
    int64_t people_ = 0;
    std::vector<int64_t> cells_;  // by cohort: people, then those that returned
};

}  // namespace pulse::insight
