#include "pulse/diagnosis/segment_use.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::diagnosis {

namespace {

constinit Listeners<std::set<std::string>&> used_segment_listers;

}  // namespace

bool RegisterUsedSegments(UsedSegmentLister lister) {
    return used_segment_listers.Add(lister);
}

std::set<std::string> RegisteredUsedSegments() {
    std::set<std::string> used;
    used_segment_listers.Notify(used);
    return used;
}

std::string DescribeUnused(Moment since) {
    return "No flag, trait, other segment, route, subscription or consumer uses it, and nobody has changed it or "
           "handled one of its incidents since " +
           FormatDate(since) + ". Queries that read it are not recorded.";
}

}  // namespace pulse::diagnosis
