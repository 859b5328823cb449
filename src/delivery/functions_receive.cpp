// The inbound webhook for n8n and similar tools: a payload becomes a call of a Pulse function, with the
// rights of the caller.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

namespace {

using pg::Json;
using pg::Value;

const std::vector<std::string>& Actions() {
    static const std::vector<std::string> actions{"acknowledge", "resolve", "ignore", "check", "investigate"};
    return actions;
}

[[noreturn]] void RefuseRequest(const std::string& message, const std::string& detail,
                                const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter, message, detail, hint);
}

// The value of the first of these keys that exists and is not null.
const Json* Find(const Json& payload, std::initializer_list<const char*> keys) {
    for (const char* key : keys)
        if (const auto found = payload.find(key); found != payload.end() && !found->is_null()) return &*found;
    return nullptr;
}

std::optional<std::string> TextOf(const Json& payload, const char* key) {
    const Json* value = Find(payload, {key});
    if (!value) return std::nullopt;
    if (!value->is_string())
        RefuseRequest(std::string("\"") + key + "\" must be a text", DescribeJson(*value), "");
    return value->get<std::string>();
}

// A number, or a string of digits: tools with templates send both.
std::optional<int64_t> WholeNumber(const Json& value) {
    if (value.is_number_unsigned() && value.get<uint64_t>() <= INT64_MAX) return value.get<int64_t>();
    if (!value.is_string()) return std::nullopt;
    const std::string text = value.get<std::string>();
    const bool digits =
        !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
    return digits ? std::optional<int64_t>(std::stoll(text)) : std::nullopt;
}

int64_t IncidentOf(const Json& payload, const std::string& action) {
    const Json* value = Find(payload, {"incident", "incidentId", "incident_id"});
    if (!value)
        RefuseRequest("\"" + action + "\" needs an incident", "",
                      R"(Give its id, as in {"action": ")" + action + R"(", "incident": 17}.)");
    if (const auto id = WholeNumber(*value)) return *id;
    RefuseRequest("\"incident\" must be the id of an incident", DescribeJson(*value),
                  "Give an integer, such as 17.");
}

std::optional<Moment> UntilOf(const Json& payload) {
    const std::optional<std::string> text = TextOf(payload, "until");
    if (!text) return std::nullopt;
    if (const auto moment = ParseMoment(*text)) return moment;
    RefuseRequest("\"until\" must be a timestamp", DescribeJson(Json(*text)),
                  "Give for example \"2026-03-01T06:00:00Z\"; without an offset it is UTC.");
}

std::optional<std::string> StatusOf(int64_t incident) {
    const pg::Result rows =
        pg::Execute("SELECT i.status FROM pulse.incident AS i WHERE i.id OPERATOR(pg_catalog.=) $1",
                    {Value::Int8(incident)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Text(0));
}

// In schema pulse, where no other role can add a function of the same name.
uint64_t Call(const std::string& verb, const std::vector<Value>& arguments) {
    return pg::Execute("SELECT * FROM pulse." + verb, arguments).processed();
}

// A payload that is delivered twice has no effect the second time.
void Act(const std::string& action, int64_t incident, const Json& payload) {
    const std::optional<std::string> status = StatusOf(incident), note = TextOf(payload, "note");
    const std::optional<Moment> until = UntilOf(payload);
    if (action == "acknowledge" && status != "acknowledged")
        Call("acknowledge_incident($1, $2)", {Value::Int8(incident), Value::Text(note)});
    if (action == "resolve" && status != "resolved")
        Call("resolve_incident($1, $2, false)", {Value::Int8(incident), Value::Text(note)});
    if (action == "ignore" && (status != "ignored" || until))
        Call("ignore_incident($1, $2, $3)", {Value::Int8(incident), Value::Time(until), Value::Text(note)});
    if (action == "investigate") Call("investigate_incident($1, NULL)", {Value::Int8(incident)});
}

Json RequestSnapshot(const std::string& segment) {
    const pg::Result rows = pg::Execute("SELECT r.state, r.detail FROM pulse.request_snapshot($1, true) AS r",
                                        {Value::Text(segment)});
    Json answer{{"state", rows[0].Text(0)}};
    if (!rows[0].IsNull(1)) answer["detail"] = rows[0].Text(1);
    return answer;
}

Json RunCheck(const Json& payload) {
    const std::optional<std::string> segment = TextOf(payload, "segment"), table = TextOf(payload, "table");
    if (segment.has_value() == table.has_value())
        RefuseRequest("\"check\" needs a segment or a table",
                      segment ? "Both are given." : "Neither is given.",
                      R"(Give one of them, as in {"action": "check", "segment": "Trial users"}.)");
    Json answer{{"received", true},
                {"action", "check"},
                {segment ? "segment" : "table", segment ? *segment : *table}};
    if (segment) {
        const Json* first = Find(payload, {"snapshot"});
        if (first && !first->is_boolean())
            RefuseRequest("\"snapshot\" must be true or false", DescribeJson(*first), "");
        // Measuring takes as long as the data is large: a worker does it, and checks afterwards.
        if (first && first->get<bool>())
            answer.update(RequestSnapshot(*segment));
        else
            answer["findings"] = Call("check_drift($1)", {Value::Text(segment)});
    } else {
        answer["checks"] = Call("check_tables($1, NULL)", {Value::Text(table)});
    }
    return answer;
}

Json Receive(const Json& payload) {
    if (!payload.is_object())
        RefuseRequest("\"payload\" must be a JSON object", DescribeJson(payload),
                      R"(Give for example {"action": "acknowledge", "incident": 17}.)");
    const std::optional<std::string> action = TextOf(payload, "action");
    if (!action) return {{"received", true}};
    if (std::find(Actions().begin(), Actions().end(), *action) == Actions().end())
        RefuseRequest("unknown action " + DumpJson(Json(action->substr(0, 100))), "",
                      SuggestName(action->substr(0, 100), Actions(), "Actions"));
    if (*action == "check") return RunCheck(payload);
    const int64_t incident = IncidentOf(payload, *action);
    Act(*action, incident, payload);
    const std::optional<std::string> status = StatusOf(incident);
    return {{"received", true},
            {"action", *action},
            {"incident", incident},
            {"status", status ? Json(*status) : Json()}};
}

}  // namespace

}  // namespace pulse::delivery

namespace pg = pulse::pg;

PULSE_WRITING_FUNCTION(pulse_receive_webhook) {
    const pg::Json payload = pg::Args(fcinfo).RequireJsonb(0, "payload");
    pg::Json answer;
    {
        const pg::Session session;
        answer = pulse::delivery::Receive(payload);
    }
    return pg::FromJson(answer);
}
