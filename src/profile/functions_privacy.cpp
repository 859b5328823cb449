// SQL functions for everything held on a person, and its erasure.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/json.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/profile/identifier_search.hpp"
#include "pulse/profile/store_erasure.hpp"
#include "pulse/profile/store_person.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;

namespace {

constexpr size_t kLargestDocument = size_t{50} * 1024 * 1024;

// Whom an export is about; it is recorded.
profile::DataSubject BeginExport(const std::string& user) {
    const int64_t person = profile::RequirePerson(user).id;
    const auto subject = profile::ReadSubject(person);
    // Merged or erased by a transaction that has just committed.
    if (!subject)
        throw pulse::UserError(pulse::sqlstate::kSerializationFailure, "the person has just changed", "",
                               "Try again.");
    pulse::audit::Write("profile.exported", "profile:" + std::to_string(person));
    return *subject;
}

// The members of the document in their order; the elements of each list are JSON.
std::string WriteDocument(const profile::DataSubject& person) {
    std::string text = "{", part;
    bool list_open = false;
    VisitPersonalData(person, [&](const std::string& name, const std::string& json) {
        if (name != part) {
            if (list_open) text += "]";
            text += (text.size() > 1 ? ", " : "") + pulse::DumpJson(pg::Json(name)) + ": [";
            part = name;
            list_open = true;
        } else {
            text += ", ";
        }
        text += json;
        if (text.size() > kLargestDocument)
            throw pulse::UserError(
                pulse::sqlstate::kProgramLimit, "there is too much of this person for one document",
                "It would have more than 50 MB.",
                "SELECT part, data FROM pulse_export_profile_parts('…') returns it row by row.");
    });
    return text + (list_open ? "]}" : "}");
}

}  // namespace

PULSE_FUNCTION(pulse_announce_erased) {
    pg::Watch::Announce("erased_identifier");
    return static_cast<Datum>(0);
}

PULSE_FUNCTION(pulse_mentions) {
    const pg::Args args(fcinfo);
    if (args.IsNull(0) || args.IsNull(1)) return BoolGetDatum(false);
    // The same list for all rows of a statement.
    static std::vector<std::string> last;
    static profile::IdentifierSearch search;
    std::vector<std::string> identifiers = *args.Texts(1);
    if (identifiers != last) {
        search = {};
        for (const std::string& identifier : identifiers) search.Add(0, identifier);
        last = std::move(identifiers);
    }
    return BoolGetDatum(search.Finds(*args.Text(0)));
}

PULSE_WRITING_FUNCTION(pulse_export_profile) {
    const std::string user = pg::Args(fcinfo).RequireText(0, "user");
    std::string text;
    {
        const pg::OwnerSession session;
        text = WriteDocument(BeginExport(user));
    }
    return pg::Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str())); });
}

PULSE_WRITING_FUNCTION(pulse_export_profile_parts) {
    const std::string user = pg::Args(fcinfo).RequireText(0, "user");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    VisitPersonalData(BeginExport(user), [&](const std::string& name, const std::string& json) {
        const Datum data =
            pg::Call([&] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.c_str())); });
        result.Add({pg::Value::Text(name), {JSONBOID, data, false}});
        pg::Call([&] { pfree(DatumGetPointer(data)); });
    });
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_erase_profile) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user"), reason = args.RequireText(1, "reason");
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(profile::RequestErasure(user, reason, actor));
}

PULSE_WRITING_FUNCTION(pulse_allow_profile) {
    const std::string user = pg::Args(fcinfo).RequireText(0, "user");
    const pg::OwnerSession session;
    return Int64GetDatum(profile::AllowErased(user));
}

PULSE_WRITING_FUNCTION(pulse_list_erasures) {
    pg::Json list;
    {
        const pg::OwnerSession session;
        list = profile::ListErasures();
        // With the key in it the list tells whether somebody was erased.
        pulse::audit::Write("erasures.listed", "erasures", {{"erasures", list["erasures"].size()}});
    }
    return pg::FromJson(list);
}

PULSE_WRITING_FUNCTION(pulse_replay_erasures) {
    const pg::Json list = pg::Args(fcinfo).RequireJsonb(0, "erasures");
    const std::string actor = pg::ActorName();
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    for (const profile::ReplayedRow& row : profile::ReplayErasures(list, actor))
        result.Add({pg::Value::Int8(row.erasure), pg::Value::Text(row.result), pg::Value::Int8(row.people)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_list_personal_data) {
    pg::ResultSet result(fcinfo);
    for (const profile::CoveredTable& each : profile::CoveredTables())
        result.Add({pg::Value::Text(each.room), pg::Value::Text(each.table), pg::Value::Bool(each.personal),
                    each.reason.empty() ? pg::Value::Null(TEXTOID) : pg::Value::Text(each.reason)});
    return pg::ResultSet::Done();
}
