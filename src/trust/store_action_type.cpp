#include "pulse/trust/store_action_type.hpp"

#include <algorithm>
#include <map>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

struct BuiltInAction {
    const char* name;
    Risk risk;
    const char* description;
};

constexpr BuiltInAction kBuiltInActions[] = {
    {"call_webhook", Risk::kStandard, "Calls a signed webhook."},
    {"decrease_bid", Risk::kConservative, "Lowers a bid."},
    {"decrease_budget", Risk::kConservative, "Lowers a budget."},
    {"emergency_stop", Risk::kAlways, "Stops everything at once."},
    {"enable_adset", Risk::kStandard, "Switches an ad set on."},
    {"enable_campaign", Risk::kStandard, "Switches a campaign on."},
    {"enable_creative", Risk::kStandard, "Switches a creative on."},
    {"expand_targeting", Risk::kHigh, "Shows ads to more people."},
    {"export_audience", Risk::kStandard, "Writes people to a file for others."},
    {"increase_bid", Risk::kHigh, "Raises a bid."},
    {"increase_budget", Risk::kHigh, "Raises a budget."},
    {"launch_campaign", Risk::kHigh, "Starts a campaign."},
    {"launch_new_campaigns", Risk::kHigh, "Starts new campaigns."},
    {"pause_adset", Risk::kConservative, "Switches an ad set off."},
    {"pause_all", Risk::kAlways, "Pauses everything."},
    {"pause_audience", Risk::kConservative, "Stops synchronising an audience."},
    {"pause_automation", Risk::kConservative, "Switches an automation off."},
    {"pause_campaign", Risk::kConservative, "Switches a campaign off."},
    {"pause_creative", Risk::kConservative, "Switches a creative off."},
    {"pause_underperforming", Risk::kConservative, "Switches off what performs badly."},
    {"reduce_bid", Risk::kConservative, "Lowers a bid."},
    {"reduce_budget", Risk::kConservative, "Lowers a budget."},
    {"resume_audience", Risk::kStandard, "Synchronises an audience again."},
    {"resume_automation", Risk::kStandard, "Switches an automation on."},
    {"resume_campaign", Risk::kStandard, "Switches a campaign on again."},
    {"run_function", Risk::kStandard, "Runs a SQL function with the rights of its owner."},
    {"send_campaign", Risk::kStandard, "Sends a campaign to a segment."},
    {"sync_audience", Risk::kStandard, "Sends the changes of an audience to its platform."},
    {"update_bid", Risk::kStandard, "Changes a bid."},
    {"update_budget", Risk::kStandard, "Changes a budget."},
    {"update_status", Risk::kStandard, "Switches something on or off."},
    {"update_targeting", Risk::kStandard, "Changes who sees ads."},
};

const BuiltInAction* FindBuiltIn(const std::string& name) {
    for (const BuiltInAction& one : kBuiltInActions)
        if (name == one.name) return &one;
    return nullptr;
}

void CheckActionName(const std::string& name) {
    const bool valid = !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                       });
    if (!valid)
        ThrowInvalid("\"action\" is not the name of an action", "It is " + InQuotes(Shorten(name, 80)) + ".",
                     "Give at most 63 lower-case letters, digits and _, a letter first.");
}

}  // namespace

std::vector<ActionType> ActionTypes() {
    std::map<std::string, ActionType> types;
    for (const BuiltInAction& one : kBuiltInActions)
        types[one.name] = {one.name, one.risk, one.description, true};
    static pg::Statement statement("SELECT name, risk, description FROM pulse.action_type", {});
    const pg::Result rows = statement.Execute({});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        ActionType& type = types[rows[i].Text(0)];
        type.name = rows[i].Text(0);
        type.risk = ReadRisk(rows[i].Text(1));
        if (const auto description = rows[i].TextOrNull(2)) type.description = description;
    }
    std::vector<ActionType> list;
    for (auto& [name, type] : types) list.push_back(std::move(type));
    return list;
}

std::optional<Risk> FindRisk(const std::string& action) {
    static pg::Statement statement("SELECT risk FROM pulse.action_type WHERE name = $1", {TEXTOID});
    const BuiltInAction* built_in = FindBuiltIn(action);
    // Nobody can take from what stops things that it always may.
    if (built_in && built_in->risk == Risk::kAlways) return Risk::kAlways;
    const pg::Result rows = statement.Execute({Value::Text(action)});
    if (!rows.empty()) {
        const Risk risk = ReadRisk(rows[0].Text(0));
        return risk == Risk::kAlways ? Risk::kHigh : risk;
    }
    return built_in ? std::optional(built_in->risk) : std::nullopt;
}

void SetActionType(const std::string& name, Risk risk, const std::optional<std::string>& description,
                   const std::string& actor) {
    CheckActionName(name);
    const BuiltInAction* built_in = FindBuiltIn(name);
    if (built_in && built_in->risk == Risk::kAlways)
        ThrowInvalid("the action " + name + " always passes", "",
                     "It stops things: its risk cannot be changed.");
    if (risk == Risk::kAlways)
        ThrowInvalid("\"risk\" is unknown",
                     "It is \"always\", which is for pause_all and emergency_stop only.",
                     "Give high, standard or conservative.");
    const auto before = FindRisk(name);
    pg::Execute(
        "INSERT INTO pulse.action_type AS t (name, risk, description, changed_by, changed_at) VALUES ($1, $2, $3,"
        " $4, $5) ON CONFLICT (name) DO UPDATE SET risk = excluded.risk, description ="
        " coalesce(excluded.description, t.description), changed_by = excluded.changed_by, changed_at ="
        " excluded.changed_at",
        {Value::Text(name), Value::Text(Name(risk)), Value::Text(description), Value::Text(actor),
         Value::Time(pg::Now())});
    audit::Write("action_type.changed", name,
                 {{"before", before ? pg::Json(Name(*before)) : pg::Json()}, {"after", Name(risk)}});
}

void DeleteActionType(const std::string& name) {
    if (pg::Execute("DELETE FROM pulse.action_type WHERE name = $1", {Value::Text(name)}).processed() == 0)
        throw UserError(sqlstate::kUndefinedObject,
                        "the action " + InQuotes(Shorten(name, 80)) + " was not added or changed", "",
                        "pulse_list_action_types() lists all actions.");
    audit::Write("action_type.deleted", name);
}

}  // namespace pulse::trust
