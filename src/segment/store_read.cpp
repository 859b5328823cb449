// Reading the source of a definition.
#include "pulse/pg/identity.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/store_profile.hpp"

namespace pulse::segment {

namespace {

// SQL over people is generated: it must not use operators of a schema in which others may create some.
constexpr const char* kPathOfPeople = "pg_catalog, pg_temp";

}  // namespace

source::Access AccessForCaller(const Request& request) {
    // Rules over people are checked here, also if they are measured on other servers, too.
    if (request.kind == SegmentKind::kProfile) return {"", pg::CallerName(), kPathOfPeople};
    return {request.source, pg::CallerName(), pg::CallerSearchPath()};
}

// Also for definitions stored with the search_path of their creator.
source::Access AccessOf(const Segment& segment) {
    return AccessesOf(segment).front();
}

std::vector<source::Access> AccessesOf(const Segment& segment) {
    std::vector<std::string> sources = SourcesOf(segment.definition);
    if (sources.empty()) sources.emplace_back();  // this database
    std::vector<source::Access> accesses;
    for (const std::string& source : sources)
        accesses.push_back({source, segment.runs_as,
                            segment.kind == SegmentKind::kProfile ? kPathOfPeople : segment.search_path});
    return accesses;
}

std::string MomentLiteral(Moment moment) {
    return "'" + FormatMoment(moment) + "'::timestamptz";
}

std::string NowLiteral() {
    return MomentLiteral(pg::Now());
}

Request PrepareRequest(const Request& request, Moment moment) {
    Request ready = request;
    if (request.kind == SegmentKind::kProfile) ready.expanded = ExpandProfile(request, "");
    if (!ready.source.empty() && ready.kind == SegmentKind::kQuery)
        ready.query = pg::ReplaceNowCalls(ready.query, MomentLiteral(moment));
    return ready;
}

void ReadForDefinition(const source::Target& target, source::Usage& usage,
                       const std::function<void(source::Reader&)>& body) {
    try {
        source::ReadTarget(target, usage, body);
    } catch (const pg::Error& error) {
        const std::string state = error.State();
        // Cancellation, lack of resources and internal errors are not errors of the definition.
        if (state.starts_with("57") || state.starts_with("53") || state.starts_with("XX")) throw;
        if (state == sqlstate::kInsufficientPrivilege && error.message.starts_with("permission denied"))
            throw DefinitionError(
                sqlstate::kInsufficientPrivilege, error.message,
                "The definition runs with the rights of role " + target.access.role + ".",
                "Grant that role SELECT on the relations and EXECUTE on the functions that the definition "
                "uses.");
        // Where it happened: in the definition's text, and in functions that it calls.
        std::string detail = error.detail;
        const auto add = [&](const std::string& line) { detail += (detail.empty() ? "" : "\n") + line; };
        if (error.internal_position > 0)
            add("At character " + std::to_string(error.internal_position) + " of: " + error.internal_query);
        if (!error.context.empty()) add(error.context);
        throw DefinitionError(state.c_str(), error.message, detail, error.hint);
    }
}

void ReadAndRecord(const source::Access& access, const std::string& purpose, const std::string& object,
                   const std::function<void(source::Reader&)>& body) {
    const source::Target target = source::ResolveTarget(access, pg::settings::statement_timeout);
    source::Usage usage;
    usage.purpose = purpose;
    usage.object = object;
    try {
        ReadForDefinition(target, usage, body);
    } catch (const UserError&) {
        // For callers that continue after the error.
        source::RecordUsage(usage);
        throw;
    }
    source::RecordUsage(usage);
}

}  // namespace pulse::segment
