// What actions and causes of automations hold about a person: profiles in causes, and texts that name the
// person.
#include <nlohmann/json.hpp>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/personal_data.hpp"
#include "pulse/trust/store_action.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr const char* kTablesOfActions[] = {"action", "action_event", "automation_trigger", nullptr};

// Profiles $1 in a cause, identifiers $2 in a text. Shorter ones would be found in any text.
#define PULSE_NAMED_IN(text)                                                  \
    "EXISTS (SELECT FROM unnest($2::text[]) AS i (id) WHERE length(i.id) > 3" \
    " AND strpos(lower(" text "), lower(i.id)) > 0)"
#define PULSE_PROFILE_IN(list)                                                                     \
    "EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof(" list ") WHEN 'array' THEN " list \
    " END) AS p (id) WHERE p.id = ANY (SELECT to_jsonb(x.id) FROM unnest($1::bigint[]) AS x (id)))"
#define PULSE_ACTION_OF_PERSON                          \
    PULSE_PROFILE_IN("a.payload #> '{cause,profiles}'") \
    " OR " PULSE_NAMED_IN("concat_ws(' ', a.subject, a.payload, a.reason, a.result, a.error, a.state_before)")
#define PULSE_CAUSE_OF_PERSON \
    PULSE_PROFILE_IN("t.data -> 'profiles'") " OR " PULSE_NAMED_IN("concat_ws(' ', t.data, t.note)")

std::vector<Value> Parameters(const profile::DataSubject& person) {
    return {Value::Int8s(person.profiles), Value::Texts(person.identifiers)};
}

void ExportActions(const profile::DataSubject& person, nlohmann::json& document) {
    const pg::Result rows = pg::Execute(
        "SELECT jsonb_build_object('name', a.name, 'subject', a.subject, 'state', a.state, 'created_at',"
        " a.created_at, 'applied_at', a.applied_at, 'reason', a.reason) FROM pulse.action AS a"
        " WHERE " PULSE_ACTION_OF_PERSON " ORDER BY a.id LIMIT 10000",
        Parameters(person));
    nlohmann::json list = nlohmann::json::array();
    for (uint64_t i = 0; i < rows.size(); ++i) list.push_back(rows[i].Jsonb(0));
    document["actions"] = std::move(list);
}

// An action that waits must not be carried out for a person who is gone: neither with the person nor without.
void EndLiveActions(const profile::DataSubject& person) {
    const pg::Result rows = pg::Execute(
        "SELECT a.id FROM pulse.action AS a WHERE a.state IN ('pending', 'approved', 'applying')"
        " AND (" PULSE_ACTION_OF_PERSON ")",
        Parameters(person));
    for (uint64_t i = 0; i < rows.size(); ++i)
        Dismiss(rows[i].Int8(0), "a person whom it names was erased", kPulseItself);
}

// That an action was done is kept, not about whom.
int64_t EraseFromActions(const profile::DataSubject& person) {
    EndLiveActions(person);
    int64_t erased = static_cast<int64_t>(
        pg::Execute("DELETE FROM pulse.automation_trigger AS t WHERE " PULSE_CAUSE_OF_PERSON,
                    Parameters(person))
            .processed());
    erased += static_cast<int64_t>(
        pg::Execute(
            "UPDATE pulse.action_event AS e SET note = NULL WHERE e.note IS NOT NULL AND (" PULSE_NAMED_IN(
                "e.note") " OR e.action_id IN (SELECT a.id FROM pulse.action AS a WHERE " PULSE_ACTION_OF_PERSON
                          "))",
            Parameters(person))
            .processed());
    erased += static_cast<int64_t>(
        pg::Execute(
            "UPDATE pulse.action AS a SET payload = '{\"erased\": true}', reason = NULL, result = NULL,"
            " error = NULL, state_before = NULL, subject = CASE WHEN " PULSE_NAMED_IN("a.subject") " THEN 'erased:' || a.id ELSE a.subject END, gate_subject = CASE WHEN " PULSE_NAMED_IN(
                "a.gate_subject") " THEN 'all' ELSE a.gate_subject END WHERE " PULSE_ACTION_OF_PERSON,
            Parameters(person))
            .processed());
    return erased;
}

[[maybe_unused]] const bool personal_data_registered = profile::RegisterPersonalData(
    {.room = "trust", .tables = kTablesOfActions, .export_to = ExportActions, .erase = EraseFromActions});

[[maybe_unused]] const bool without_personal_data = profile::RegisterWithoutPersonalData(
    "trust", {{"action_token", "Hashes of tokens."},
              {"action_type", "Definitions."},
              {"automation", "Definitions."},
              {"automation_version", "Definitions."},
              {"campaign", "Definitions, and figures of their reach."},
              {"campaign_check", "Figures of the reach of campaigns."},
              {"enforcement", "Settings."},
              {"enforcement_rule", "Settings."},
              {"freeze", "Whether everything is stopped, and who stopped it."},
              {"gate_decision", "What the gate answered, about definitions and destinations."},
              {"signal", "Figures of sources, accounts and destinations."},
              {"signal_health_history", "Scores of definitions and destinations."},
              {"signal_health_state", "Scores of definitions and destinations."},
              {"signal_query", "Definitions."},
              {"signal_series", "Figures of sources, accounts and destinations."},
              {"trust_change", "Ids of transactions."},
              {"trust_setting", "Settings."}});

}  // namespace

}  // namespace pulse::trust
