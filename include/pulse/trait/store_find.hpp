// Finding people by a filter. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include <memory>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_count.hpp"
#include "pulse/trait/people_filter.hpp"

namespace pulse::trait {

// The result of pulse_find_profiles(), as the text of a JSON object. Throws UserError 42704 for an unknown
// segment or kind of ids.
std::string FindProfiles(const PeopleFilter& filter, int max, const std::optional<PeoplePlace>& after,
                         int skip);
// The row of pulse_count_profiles(); throws likewise.
profile::Count CountProfiles(const PeopleFilter& filter);

// Chooses among people that somebody else lists.
class PeopleMatcher {
  public:
    // Throws UserError 42704 for an unknown segment or kind of ids. The filter must outlive this.
    explicit PeopleMatcher(const PeopleFilter& filter);
    ~PeopleMatcher();
    PeopleMatcher(const PeopleMatcher&) = delete;
    PeopleMatcher& operator=(const PeopleMatcher&) = delete;

    // Those of these people, canonical and ascending, that match.
    std::vector<int64_t> Match(const std::vector<int64_t>& people);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

struct SegmentSize {
    std::string name;
    profile::Count members;
};
// The rows of pulse_segment_statistics().
std::vector<SegmentSize> CountMembers();

}  // namespace pulse::trait
