// Visiting the source of a definition.
#include "pulse/pg/identity.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/segment/store_profile.hpp"

namespace pulse::segment {

namespace {

// The SQL over people is all ours: its operators must not be those of a schema in which others may make some.
constexpr const char* kPathOfPeople = "pg_catalog, pg_temp";

}  // namespace

source::Place PlaceForCaller(const Request& request) {
    return {request.source, pg::CallerName(),
            request.kind == Kind::kProfile ? kPathOfPeople : pg::CallerSearchPath()};
}

// Also of what was kept with the search_path of its maker.
source::Place PlaceOf(const Segment& segment) {
    return {segment.definition.value("source", ""), segment.runs_as,
            segment.kind == Kind::kProfile ? kPathOfPeople : segment.search_path};
}

std::string MomentLiteral(Moment moment) {
    return "'" + FormatMoment(moment) + "'::timestamptz";
}

std::string NowLiteral() {
    return MomentLiteral(pg::Now());
}

Request RequestAt(const Request& request, Moment moment) {
    Request ready = request;
    if (request.kind == Kind::kProfile) ready.expanded = ExpandProfile(request, "");
    if (!ready.source.empty() && ready.kind == Kind::kQuery)
        ready.query = pg::ReplaceNowCalls(ready.query, MomentLiteral(moment));
    return ready;
}

void ReadChecked(const source::Target& target, source::Usage& usage,
                 const std::function<void(source::Reader&)>& body) {
    try {
        source::Read(target, usage, body);
    } catch (const pg::Error& error) {
        const std::string state = error.State();
        // Interventions, lack of resources and defects are not about the definition.
        if (state.starts_with("57") || state.starts_with("53") || state.starts_with("XX")) throw;
        if (state == sqlstate::kInsufficientPrivilege && error.message.starts_with("permission denied"))
            throw Raised(sqlstate::kInsufficientPrivilege, error.message,
                         "The definition runs with the rights of role " + target.place.role + ".",
                         "Grant that role SELECT on what the definition reads, and EXECUTE on the "
                         "functions it calls.");
        throw Raised(state.c_str(), error.message, error.detail, error.hint);
    }
}

void Visit(const source::Place& place, const std::string& purpose, const std::string& object,
           const std::function<void(source::Reader&)>& body) {
    const source::Target target = source::Find(place, pg::settings::statement_timeout);
    source::Usage usage;
    usage.purpose = purpose;
    usage.object = object;
    try {
        ReadChecked(target, usage, body);
    } catch (const UserError&) {
        // Of use to those who go on after it.
        source::Record(usage);
        throw;
    }
    source::Record(usage);
}

}  // namespace pulse::segment
