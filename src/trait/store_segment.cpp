// Hooks of room segment for segments over people.
#include "pulse/base/error.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/profile_hooks.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::trait {

namespace {

// Check that an expanded request can be evaluated, and that dependents of the segment remain valid.
void CheckSegment(const std::string& name, const segment::Request& request) {
    const Rule compiled(*request.expanded->rule, rule::Expect::kBoolean, false);
    CheckReferences(*ExpandWithoutMacros(*segment::ReadRule(request)));
    if (request.converted) CheckReferences(*ExpandWithoutMacros(*rule::Parse(*request.converted)));
    GuardSegment(name);
    if (!name.empty()) CheckDependents("segment", name, segment::ReadRule(request));
}

void RequireUnusedSegment(const std::string& name, const char* what) {
    RequireUnused("segment", name, what);
}

bool IsArchiveInUse() {
    const pg::OwnerSession session;
    return ArchiveInUse();
}

void SegmentChanged() {
    InvalidateDefinitions();
    ApplyDefinitionChanges();
}

[[maybe_unused]] const bool handles_profiles = segment::RegisterProfileHooks(
    {SavedDefinitions, LockDefinitions, CheckSegment, RequireUnusedSegment, IsArchiveInUse, SegmentChanged});

}  // namespace

}  // namespace pulse::trait
