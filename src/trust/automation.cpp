#include "pulse/trust/automation.hpp"

#include <algorithm>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/schedule.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/trust/subject.hpp"

namespace pulse::trust {

namespace {

using nlohmann::json;

constexpr size_t kLongestText = 255;
constexpr const char* kExample =
    R"({"when": {"incident": {"segment": "buyers"}}, "do": {"action": "pause_campaign", "subject": )"
    R"("ad_campaign:summer", "channel": "ads"}, "level": "guarded"})";

std::string ShortText(const JsonObject& object, const std::string& key, bool required = false) {
    const std::string text = object.Text(key).value_or("");
    if (required && text.empty()) object.Fail(object.Place(key) + " is missing", "", kExample);
    if (text.size() > kLongestText) object.Refuse(key, "must have at most 255 bytes");
    return text;
}

std::string OneOf(const JsonObject& object, const std::string& key, const std::vector<std::string>& valid) {
    const std::string text = object.Text(key).value_or("");
    if (!text.empty() && std::find(valid.begin(), valid.end(), text) == valid.end())
        object.Refuse(key, "is unknown", SuggestName(text.substr(0, kLongestText), valid, "Valid values"));
    return text;
}

Trigger ReadIncident(const json& value) {
    const JsonObject object(value, {.name = "\"when.incident\"", .path = "when.incident"},
                            {"segment", "detector", "severity"}, R"({"segment": "buyers"})");
    Trigger trigger{.kind = Trigger::Kind::kIncident};
    trigger.segment = ShortText(object, "segment");
    trigger.detector = ShortText(object, "detector");
    trigger.severity = OneOf(object, "severity", {"low", "medium", "high", "critical"});
    return trigger;
}

Trigger ReadMembership(const json& value) {
    const JsonObject object(value, {.name = "\"when.membership\"", .path = "when.membership"},
                            {"segment", "change"}, R"({"segment": "buyers", "change": "entered"})");
    Trigger trigger{.kind = Trigger::Kind::kMembership};
    trigger.segment = ShortText(object, "segment", true);
    trigger.change = OneOf(object, "change", {"entered", "exited"});
    return trigger;
}

Trigger ReadSchedule(const json& value) {
    Trigger trigger{.kind = Trigger::Kind::kSchedule};
    if (value.is_string()) {
        trigger.schedule = value.get<std::string>();
    } else {
        const JsonObject object(value, {.name = "\"when.schedule\"", .path = "when.schedule"},
                                {"cron", "time_zone"},
                                R"({"cron": "0 6 * * *", "time_zone": "Europe/Paris"})");
        trigger.schedule = ShortText(object, "cron", true);
        trigger.time_zone = ShortText(object, "time_zone");
    }
    Schedule::Parse(trigger.schedule);
    return trigger;
}

Trigger ReadSignal(const json& value) {
    const JsonObject object(value, {.name = "\"when.signal\"", .path = "when.signal"},
                            {"name", "entity", "above", "below"},
                            R"({"name": "spend", "entity": "account:1", "above": 500})");
    Trigger trigger{.kind = Trigger::Kind::kSignal};
    trigger.signal = ShortText(object, "name", true);
    trigger.entity = ShortText(object, "entity");
    trigger.above = object.Number("above", -1e300, 1e300);
    trigger.below = object.Number("below", -1e300, 1e300);
    if (trigger.above.has_value() == trigger.below.has_value())
        object.Fail("\"when.signal\" needs one of \"above\" and \"below\"", "", "Give exactly one of them.");
    return trigger;
}

Trigger ReadTrigger(const json& value) {
    const std::vector<std::string> kinds{"incident", "membership", "schedule", "signal"};
    const JsonObject object(value, {.name = "\"when\"", .path = "when"}, kinds,
                            R"({"incident": {"segment": "buyers"}})");
    if (value.size() != 1)
        object.Fail("\"when\" must have exactly one cause", "It has " + std::to_string(value.size()) + ".",
                    ListNames(kinds, "Causes are"));
    const std::string kind = value.begin().key();
    const json& cause = value.begin().value();
    if (kind == "incident") return ReadIncident(cause);
    if (kind == "membership") return ReadMembership(cause);
    if (kind == "schedule") return ReadSchedule(cause);
    return ReadSignal(cause);
}

void ReadDo(const json& value, AutomationDefinition& definition) {
    const JsonObject object(value, {.name = "\"do\"", .path = "do"},
                            {"action", "subject", "payload", "channel"},
                            R"({"action": "pause_campaign", "subject": "ad_campaign:summer"})");
    definition.action = RequireActionName(ShortText(object, "action", true));
    definition.subject = ShortText(object, "subject");
    if (!definition.subject.empty()) definition.subject = Write(ReadSubject(definition.subject));
    definition.channel = ShortText(object, "channel");
    if (const json* payload = object.Object("payload", 1000)) definition.payload = *payload;
}

void ReadAutomationLimits(const json& value, AutomationDefinition& definition) {
    const JsonObject object(value, {.name = "\"limits\"", .path = "limits"},
                            {"per_day", "apart", "max_change", "max_value", "cool_down", "max_share"},
                            R"({"per_day": 5, "cool_down": "1 h", "max_share": 0.2})");
    definition.limits = ReadLimits(object);
    if (const auto text = object.Text("cool_down", "Give a length of time, such as \"1 h\".")) {
        const std::optional<int64_t> length = ParseDuration(*text);
        if (!length || *length < 0 || *length > 366 * kDay)
            object.Refuse("cool_down", "must be a length of time of at most 366 days", "Such as \"1 h\".");
        definition.cool_down = *length;
    }
    definition.max_share = object.Number("max_share", 0, 1, "Give a share: 0.2 is 20 %.");
}

}  // namespace

const char* Name(Trigger::Kind kind) {
    switch (kind) {
        case Trigger::Kind::kIncident: return "incident";
        case Trigger::Kind::kMembership: return "membership";
        case Trigger::Kind::kSchedule: return "schedule";
        case Trigger::Kind::kSignal: break;
    }
    return "signal";
}

std::string RequireActionName(const std::string& name) {
    const bool valid = !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                       });
    if (!valid)
        ThrowInvalid("invalid name of an action", "It is " + InQuotes(name.substr(0, 100)) + ".",
                     "Use up to 63 lower-case letters, digits and underscores, such as pause_campaign.");
    return name;
}

AutomationDefinition ReadAutomation(const json& value) {
    const JsonObject object(value, {.name = "the definition"}, {"when", "do", "level", "mode", "limits"},
                            kExample);
    AutomationDefinition definition;
    const json* when = object.Find("when");
    const json* action = object.Find("do");
    if (!when || !action)
        object.Fail(std::string(when ? "\"do\"" : "\"when\"") + " is missing", "",
                    std::string("An example: ") + kExample);
    definition.when = ReadTrigger(*when);
    ReadDo(*action, definition);
    if (const auto level = object.Text("level")) definition.level = ReadLevel(*level);
    if (const auto mode = object.Text("mode")) definition.mode = ReadMode(*mode, "\"mode\"");
    if (const json* limits = object.Object("limits")) ReadAutomationLimits(*limits, definition);
    return definition;
}

std::string DescribeChange(const json& before, const json& after) {
    std::string keys;
    const auto add = [&](const std::string& key) { keys += (keys.empty() ? "" : ", ") + key; };
    for (const auto& [key, value] : after.items())
        if (!before.contains(key) || before[key] != value) add(key);
    for (const auto& [key, value] : before.items())
        if (!after.contains(key)) add(key);
    return keys.empty() ? "nothing" : keys;
}

std::string Describe(const Trigger& trigger) {
    switch (trigger.kind) {
        case Trigger::Kind::kIncident:
            return "an incident" +
                   (trigger.segment.empty() ? "" : " of segment " + InQuotes(trigger.segment)) +
                   (trigger.detector.empty() ? "" : ", detector " + trigger.detector) +
                   (trigger.severity.empty() ? "" : ", severity " + trigger.severity + " or worse");
        case Trigger::Kind::kMembership:
            return (trigger.change.empty()        ? "people enter or exit segment "
                    : trigger.change == "entered" ? "people enter segment "
                                                  : "people exit segment ") +
                   InQuotes(trigger.segment);
        case Trigger::Kind::kSchedule:
            return "schedule " + trigger.schedule +
                   (trigger.time_zone.empty() ? "" : " in " + trigger.time_zone);
        case Trigger::Kind::kSignal: break;
    }
    return "signal " + InQuotes(trigger.signal) +
           (trigger.entity.empty() ? "" : " of " + InQuotes(trigger.entity)) +
           (trigger.above ? " above " : " below ") +
           json(trigger.above ? *trigger.above : trigger.below.value_or(0)).dump();
}

}  // namespace pulse::trust
