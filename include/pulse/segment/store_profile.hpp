// Segments over people: their definitions settled. For entry code of this room.
#pragma once

#include "pulse/segment/store.hpp"

namespace pulse::segment {

// The rules of a request with traits and segments expanded; `self` is the segment's name, if it has one.
// Throws UserError.
std::shared_ptr<const ExpandedRules> ExpandProfile(const Request& request, const std::string& self);

// As ResolveDefinition(), for a request of kind profile.
ResolvedDefinition ResolveProfile(const Request& asked, const source::Access& access, const std::string& name,
                                  const Request* before);

// Before a segment is taken away from those who use it. Needs the owner's identity and an open session.
void RequireUnused(const Segment& segment, const char* what);
// Definitions stay as they are, when `kind` is one they are made of.
void LockProfiles(SegmentKind kind);
// After rows were written. Needs the owner's identity and an open session.
void ProfileWritten(SegmentKind kind);

}  // namespace pulse::segment
