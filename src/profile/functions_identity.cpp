// SQL functions for ids and merges.

#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_describe.hpp"
#include "pulse/profile/store_identity_graph.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_merge.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/profile/store_search.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;

PULSE_FUNCTION(pulse_announce_identity_kind) {
    pg::Watch::Announce("identity_kind");
    return static_cast<Datum>(0);
}

PULSE_WRITING_FUNCTION(pulse_merge) {
    const pg::Args args(fcinfo);
    const std::string one = args.RequireText(0, "one"), other = args.RequireText(1, "other"),
                      reason = args.RequireText(2, "reason");
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(profile::MergePeople(one, other, reason, actor));
}

PULSE_WRITING_FUNCTION(pulse_unmerge) {
    const pg::Args args(fcinfo);
    const int64_t merge = args.RequireInt8(0, "merge");
    const std::string reason = args.RequireText(1, "reason");
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(profile::UnmergePeople(merge, reason, actor));
}

namespace {

std::optional<int64_t> Span(const pg::Args& args, int i) {
    return args.IsNull(i) ? std::nullopt : std::optional(pg::IntervalLength(args.Raw(i)));
}

Datum JsonDatum(const std::string& text) {
    return pg::Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_set_identity_kind) {
    const pg::Args args(fcinfo);
    profile::IdentityKindRequest request;
    request.kind = args.RequireText(0, "kind");
    request.normalisation = args.Text(1);
    request.priority = args.Int4(2);
    request.max_values = args.Int4(3);
    request.window = Span(args, 4);
    request.blocked = args.Texts(5);
    const pg::OwnerSession session;
    profile::SetIdentityKind(request);
    pulse::audit::Write("identity_kind.changed", request.kind);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_drop_identity_kind) {
    const std::string kind = pg::Args(fcinfo).RequireText(0, "kind");
    const pg::OwnerSession session;
    profile::DropIdentityKind(kind);
    pulse::audit::Write("identity_kind.deleted", kind);
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_profile) {
    const std::string user = pg::Args(fcinfo).RequireText(0, "user");
    const pg::Identity owner = pg::Identity::Owner();
    std::string text;
    {
        const pg::Session session;
        text = profile::DescribePerson(profile::RequirePerson(user).id);
    }
    return JsonDatum(text);
}

PULSE_FUNCTION(pulse_search_profiles) {
    const pg::Args args(fcinfo);
    const std::string query = args.RequireText(0, "query");
    const int max = args.Int4(1).value_or(50), skip = args.Int4(2).value_or(0);
    if (query.find_first_not_of(" \t\r\n") == std::string::npos)
        throw pulse::UserError(pulse::sqlstate::kInvalidParameter, "the query is empty", "",
                               "Give the beginning of an id, as in ann@.");
    if (max < 1 || max > 1000 || skip < 0 || skip > 100000)
        throw pulse::UserError(pulse::sqlstate::kInvalidParameter, "\"max\" or \"skip\" is out of range", "",
                               "max is from 1 to 1000, skip from 0 to 100000.");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, profile::SearchPeople(query, max, skip));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_identities_of) {
    const std::string user = pg::Args(fcinfo).RequireText(0, "user");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, profile::IdentitiesOf(profile::RequirePerson(user).id));
    return pg::ResultSet::Done();
}

namespace {

profile::IdentityGraphView ReadGraph(const pg::Args& args) {
    constexpr int kDefaultDepth = 3, kMostDepth = 100;
    const std::string user = args.RequireText(0, "user");
    const int depth = args.Int4(1).value_or(kDefaultDepth);
    if (depth < 0 || depth > kMostDepth)
        throw pulse::UserError(pulse::sqlstate::kInvalidParameter, "\"depth\" is out of range",
                               "It is " + std::to_string(depth) + ".", "depth is from 0 to 100.");
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    return profile::ReadIdentityGraph(profile::RequirePerson(user).id, depth);
}

}  // namespace

PULSE_FUNCTION(pulse_identity_graph) {
    return pg::FromJson(profile::WriteGraph(ReadGraph(pg::Args(fcinfo))));
}

PULSE_FUNCTION(pulse_identity_graph_svg) {
    return pg::FromText(profile::DrawGraph(ReadGraph(pg::Args(fcinfo))));
}

PULSE_FUNCTION(pulse_simulate_merge) {
    const pg::Args args(fcinfo);
    const std::string one = args.RequireText(0, "one"), other = args.RequireText(1, "other");
    const pg::Identity owner = pg::Identity::Owner();
    std::string text;
    {
        const pg::Session session;
        text = profile::SimulateMerge(profile::RequirePerson(one).id, profile::RequirePerson(other).id);
    }
    return JsonDatum(text);
}

PULSE_FUNCTION(pulse_simulate_identity_kind) {
    const pg::Args args(fcinfo);
    const std::string kind = args.RequireText(0, "kind");
    const auto max_values = args.Int4(1);
    const auto window = Span(args, 2);
    const auto blocked = args.Texts(3);
    profile::CheckIdentityKindLimits(max_values, window, blocked);
    const pg::Identity owner = pg::Identity::Owner();
    std::string text;
    {
        const pg::Session session;
        text = profile::SimulateIdentityKind(kind, max_values, window, blocked);
    }
    return JsonDatum(text);
}
