// The tool preview_count of a model: how many people another rule of a segment would have, blurred. It runs a
// query on users' tables, so it has two steps. For entry code of this room.
#pragma once

#include "pulse/diagnosis/agent_protocol.hpp"
#include "pulse/diagnosis/store_agent_scope.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::diagnosis {

// A preview that was checked and is allowed.
struct Preview {
    VisibleSegment segment;
    segment::Request request;
    int64_t noise = 0;
};

// Needs a session of the owner. Throws UserError 42704 for a segment that the owner of the incident may not
// see, 0A000 for one that has no previews, and the errors of CheckPreview().
Preview PreparePreview(const AgentScope& scope, const std::string& segment, const std::string& where);

// Runs with the rights of the incident's owner, outside any pg::Session of Pulse. Throws what the query
// throws.
Json PreviewCount(const AgentScope& scope, const Preview& preview, const Redactor& redactor);

}  // namespace pulse::diagnosis
