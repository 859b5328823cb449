// What the room segment asks of this one about segments over people.
#include "pulse/base/error.hpp"
#include "pulse/segment/assemble.hpp"
#include "pulse/segment/profile_kind.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::trait {

namespace {

// Of an expanded request: that it can be evaluated, and that those who use the segment go on working.
void CheckSegment(const std::string& name, const segment::Request& request) {
    const Rule compiled(*request.expanded->rule, rule::Expect::kBoolean, false);
    CheckReads(*request.expanded->rule);
    if (request.expanded->converted) CheckReads(*request.expanded->converted);
    if (!name.empty()) CheckUsers("segment", name, segment::ReadRule(request));
}

void RequireUnusedSegment(const std::string& name, const char* what) {
    RequireUnused("segment", name, what);
}

void SegmentWritten() {
    AnnounceDefinitions();
    DefinitionsWritten();
}

[[maybe_unused]] const bool handles_profiles = segment::HandleProfiles(
    {SavedDefinitions, LockDefinitions, CheckSegment, RequireUnusedSegment, SegmentWritten});

}  // namespace

}  // namespace pulse::trait
