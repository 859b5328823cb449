// The room's work on the database: checking definitions and keeping them. For entry code of this room.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::segment {

// ---- store_read.cpp ----

// Where a definition is read for the role that called us. To be asked before pg::Identity changes it.
source::Access AccessForCaller(const Request& request);

// The definition as its source can read it at a moment: a server may have no pulse_now(). Needs no
// transaction, but for a segment over people, whose rules get the definitions they name.
Request PrepareRequest(const Request& request, Moment moment);

// The moment as a literal, for SQL that runs at once.
std::string MomentLiteral(Moment moment);
std::string NowLiteral();

// What PostgreSQL said of a definition or of the data it reads: its message can hold anything.
class DefinitionError : public UserError {
  public:
    using UserError::UserError;
};

// source::ReadTarget() for SQL of a definition: what PostgreSQL says of it becomes an error about the
// definition, DefinitionError.
void ReadForDefinition(const source::Target& target, source::Usage& usage,
                       const std::function<void(source::Reader&)>& body);

// source::ReadAndRecord() likewise. What the visit cost is recorded also when it fails.
void ReadAndRecord(const source::Access& access, const std::string& purpose, const std::string& object,
                   const std::function<void(source::Reader&)>& body);

// ---- store_resolve.cpp ----

// A definition that holds: names resolved, attributes settled, planned once with the rights it will have.
struct ResolvedDefinition {
    Request request;
    MemberQuery query;
    source::PlanEstimate plan;
};

// Check a definition against its source. Attributes not named are those of `before` that are still there,
// else chosen. `name` is the segment's.
ResolvedDefinition ResolveDefinition(const Request& asked, const source::Access& access,
                                     const std::string& name, const Request* before);

// ---- store.cpp ----

std::vector<std::string> AttributeNames(const Request& request);

// What a person gives to make or change a segment. Unset: unchanged (or empty, in a new one).
struct SegmentInput {
    std::optional<std::string> name;  // the new one
    std::optional<Json> definition;
    std::optional<std::string> owner;
    std::optional<std::string> description;
    std::optional<Json> baseline;
    std::optional<std::vector<std::string>> tags;
};

int64_t Create(const SegmentInput& input);
void Update(const std::string& name, const SegmentInput& input);
void SetStatus(const std::string& name, Status status);
void SetMonitoring(const std::string& name, bool enabled);
// Refuses unless confirmed, saying what would be lost.
void Delete(const std::string& name, bool confirmed);

// ---- store_relations.cpp ----

// The relations a definition reads, quoted and schema-qualified: that of "from", or those that the text of
// "query" names; a name without a schema may be in any schema of the search_path. Views are not looked into.
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
// What another definition of a segment would change, with the rights of the caller.
std::vector<ChangeRow> PreviewChange(const std::string& name, const Request& asked, int sample);

struct ExplainRow {
    std::string item, value;
};
std::vector<ExplainRow> Explain(const std::string& name);

}  // namespace pulse::segment
