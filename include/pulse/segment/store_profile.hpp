// Resolving definitions of segments over people. For entry code of this room.
#pragma once

#include "pulse/segment/store.hpp"

namespace pulse::segment {

// The rules of a request with traits and segments expanded; `self` is the segment's name, if it has one.
// Throws UserError.
std::shared_ptr<const ExpandedRules> ExpandProfile(const Request& request, const std::string& self);

// Like ResolveDefinition(), for a request of kind profile.
ResolvedDefinition ResolveProfile(const Request& asked, const source::Access& access, const std::string& name,
                                  const Request* before);

// Throw an error if other definitions use the segment. Needs the owner's identity and an open session.
void RequireUnused(const Segment& segment, const char* what);
// Lock definitions if segments of this kind can be part of them.
void LockProfiles(SegmentKind kind);
// Notify the hooks after rows were written. Needs the owner's identity and an open session.
void ProfileWritten(SegmentKind kind);

}  // namespace pulse::segment
