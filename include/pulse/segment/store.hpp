// Checking and storing definitions. For entry code of this room.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::segment {

// ---- store_read.cpp ----

// The source of a definition, for the calling role. Call it before pg::Identity changes the role.
source::Access AccessForCaller(const Request& request);

// Prepare a definition for its source at a moment: a server may not have pulse_now(). Needs a transaction
// only for segments over people, to read the definitions that their rules name.
Request PrepareRequest(const Request& request, Moment moment);

// The moment as a literal, for SQL that runs at once.
std::string MomentLiteral(Moment moment);
std::string NowLiteral();

// An error that PostgreSQL raised for a definition or its data: the message can contain anything.
class DefinitionError : public UserError {
  public:
    using UserError::UserError;
};

// source::ReadTarget() for the SQL of a definition: errors of PostgreSQL become DefinitionError.
void ReadForDefinition(const source::Target& target, source::Usage& usage,
                       const std::function<void(source::Reader&)>& body);

// source::ReadAndRecord() likewise. Records the cost of the visit even if it fails.
void ReadAndRecord(const source::Access& access, const std::string& purpose, const std::string& object,
                   const std::function<void(source::Reader&)>& body);

// ---- store_resolve.cpp ----

// A checked definition: names resolved, attributes chosen, planned once with the rights it will have.
struct ResolvedDefinition {
    Request request;
    MemberQuery query;
    source::PlanEstimate plan;
};

// Check a definition against its source. If it names no attributes, it keeps those of `before` that still
// exist; without `before` they are chosen. `name` is the name of the segment.
ResolvedDefinition ResolveDefinition(const Request& asked, const source::Access& access,
                                     const std::string& name, const Request* before);

// ---- store.cpp ----

std::vector<std::string> AttributeNames(const Request& request);

// Arguments for creating or changing a segment. Unset: unchanged (or empty, in a new one).
struct SegmentInput {
    std::optional<std::string> name;  // the new one
    std::optional<Json> definition;
    std::optional<std::string> owner;
    std::optional<std::string> description;
    std::optional<Json> baseline;
    std::optional<std::vector<std::string>> tags;
    bool draft = false;  // only of a new one
};

// Give a static definition the list of its segment. Throws UserError if it names another one.
void ResolveStatic(Request& request, int64_t segment);

int64_t Create(const SegmentInput& input);
// Returns the version.
int32_t Update(const std::string& name, const SegmentInput& input);
void SetStatus(const std::string& name, Status status);
// Make a draft active. Throws UserError 55000 for others.
void Publish(const std::string& name);
void SetMonitoring(const std::string& name, bool enabled);
// Delete a segment. Unless confirmed, throws an error that lists what would be deleted.
void Delete(const std::string& name, bool confirmed);

// ---- store_relations.cpp ----

// The relations a definition reads, quoted and schema-qualified: that of "from", or those that the text of
// "query" names; a name without a schema is returned for each schema of the search_path. Views are not
// expanded.
std::vector<std::string> RelationsOf(const Json& definition, const std::string& search_path);

// ---- store_preview.cpp, store_preview_change.cpp, store_explain.cpp ----

struct PreviewRow {
    std::string part, item, value;
    std::optional<int64_t> members;
    std::optional<std::string> share;
};
std::vector<PreviewRow> Preview(const Request& asked, int sample);

struct ChangeRow {
    std::string change;  // entering, leaving, staying
    int64_t members = 0;
    std::vector<std::string> sample;
};
// Preview another definition of a segment, with the rights of the caller.
std::vector<ChangeRow> PreviewChange(const std::string& name, Request asked, int sample);

struct ExplainRow {
    std::string item, value;
};
std::vector<ExplainRow> Explain(const std::string& name);

}  // namespace pulse::segment
