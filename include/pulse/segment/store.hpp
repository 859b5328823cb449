// The room's work on the database: checking definitions and keeping them. For entry code of this room.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/source/local.hpp"

namespace pulse::segment {

// ---- store_resolve.cpp ----

// Whose rights a definition has, and what its names mean.
struct Rights {
    std::string role;
    std::string search_path;
    // Those of the role that called us. To be asked before pg::Identity changes them.
    static Rights OfCaller();
};

// A definition that holds: names resolved, attributes settled, planned once with the rights it will have.
struct Resolved {
    Request request;
    MemberQuery query;
    source::PlanEstimate plan;
};

// Check a definition against the database. Attributes not named are those of `before` that are still there,
// else chosen.
Resolved Resolve(const Request& asked, const Rights& rights, const Request* before);

// Run `body` as source::RunAs does; what PostgreSQL says of the user's SQL becomes an error about the definition.
void RunChecked(const Rights& rights, const std::function<void()>& body);

// The moment as a literal, for SQL that runs at once.
std::string NowLiteral();

// ---- store.cpp ----

std::vector<std::string> AttributeNames(const Request& request);

// What a person gives to make or change a segment. Unset: unchanged (or empty, in a new one).
struct Draft {
    std::optional<std::string> name;  // the new one
    std::optional<Json> definition;
    std::optional<std::string> owner;
    std::optional<std::string> description;
    std::optional<Json> baseline;
    std::optional<std::vector<std::string>> tags;
};

int64_t Create(const Draft& draft);
void Update(const std::string& name, const Draft& draft);
void SetStatus(const std::string& name, Status status);
void SetMonitoring(const std::string& name, bool enabled);
// Refuses unless confirmed, saying what would be lost.
void Delete(const std::string& name, bool confirmed);

// ---- store_preview.cpp, store_explain.cpp ----

struct PreviewRow {
    std::string part, item, value;
    std::optional<int64_t> members;
    std::optional<std::string> share;
};
std::vector<PreviewRow> Preview(const Request& asked, int sample);

struct ExplainRow {
    std::string item, value;
};
std::vector<ExplainRow> Explain(const std::string& name);

}  // namespace pulse::segment
