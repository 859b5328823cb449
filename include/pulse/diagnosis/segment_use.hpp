// Which segments nobody needs. Later rooms register the segments that they use. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "pulse/base/time.hpp"

namespace pulse::diagnosis {

// Adds the names of the segments that one room uses. Called with a pg::Session as pg::Identity::Owner() open.
using UsedSegmentLister = void (*)(std::set<std::string>& used);

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterUsedSegments(UsedSegmentLister lister);
std::set<std::string> RegisteredUsedSegments();

struct UnusedSegment {
    std::string name;
    Moment since = 0;  // when somebody last worked with it
    std::optional<int64_t> size;
};

// The evidence that a segment is unused, and what is not known about it.
std::string DescribeUnused(Moment since);

}  // namespace pulse::diagnosis
