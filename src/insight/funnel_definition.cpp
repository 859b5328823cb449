#include "pulse/insight/funnel_definition.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::insight {

namespace {

using Json = nlohmann::json;

constexpr const char* kFunnelExample =
    R"({"steps": ["view", {"event": "purchase", "where": "amount > 0"}], "window": "7 days"})";
constexpr const char* kStepHint =
    R"(A step is an event's name, or an object such as {"event": "purchase", "where": "amount > 0"}.)";
constexpr const char* kSpanHint = R"(Give for example "30 days" or "12 h".)";
constexpr const char* kFunnelByHint =
    R"(Give profile.country, account.plan, properties.platform, context.app.version, source or segment("Name").)";
constexpr const char* kWhereHint = R"(Compare properties of the event with values, as in "amount > 100".)";
constexpr size_t kMaxFunnelName = 200, kMaxEventName = 1000;  // characters, bytes
constexpr int64_t kMaxFunnelSpan = 3650 * kDay;
constexpr const char* kOrders[] = {"strict_increase", "loose", "strict_order"};
constexpr const char* kEntries[] = {"first", "best", "every"};

// One of these words as its number.
template <size_t n>
std::optional<size_t> ReadWord(const JsonObject& object, const char* key, const char* const (&words)[n]) {
    const std::optional<std::string> word = object.Text(key);
    if (!word) return std::nullopt;
    std::vector<std::string> valid(words, words + n);
    const auto found = std::find(valid.begin(), valid.end(), *word);
    if (found == valid.end()) object.Refuse(key, "is not valid", SuggestName(*word, valid, "Words"));
    return static_cast<size_t>(found - valid.begin());
}

std::optional<FunnelSpan> ReadSpan(const JsonObject& object, const char* key) {
    const std::optional<std::string> text = object.Text(key, kSpanHint);
    if (!text) return std::nullopt;
    const std::optional<int64_t> length = ParseDuration(*text);
    if (!length || *length <= 0 || *length > kMaxFunnelSpan)
        object.Refuse(key, "must be a length of time up to 3650 days", kSpanHint);
    return FunnelSpan{*text, *length};
}

// A number of days or hours, as Stratum writes it.
std::optional<FunnelSpan> ReadCounted(const JsonObject& object, const char* key, double most,
                                      const char* unit, int64_t length) {
    const std::optional<double> number = object.Number(key, 1, most);
    if (!number) return std::nullopt;
    if (*number != static_cast<double>(static_cast<int64_t>(*number)))
        object.Refuse(key, "must be a whole number");
    const auto count = static_cast<int64_t>(*number);
    return FunnelSpan{std::to_string(count) + " " + unit + (count == 1 ? "" : "s"), count * length};
}

// Whatever can be saved can be read again.
void RequireEventName(const std::string& place, const std::string& name) {
    if (name.size() > kMaxEventName)
        ThrowInvalid(place + " is too long", "It has " + std::to_string(name.size()) + " bytes.",
                     "Names of events have at most " + std::to_string(kMaxEventName) + " bytes.");
}

std::string ReadEventName(const JsonObject& object, const char* key, const char* other) {
    const std::optional<std::string> own = object.Text(key, kStepHint),
                                     synonym = own ? std::nullopt : object.Text(other, kStepHint);
    const std::string name = own ? *own : synonym.value_or("");
    if (name.empty()) object.Fail(object.Place(key) + " is missing", "", kStepHint);
    RequireEventName(object.Place(key), name);
    return name;
}

// Stratum's list of conditions as a rule: fields are properties.a.b and context.a.b, or a property's name.
Json FromConditions(const Json& conditions) {
    Json rules = Json::array();
    for (const Json& condition : conditions) {
        Json rule = condition;
        if (rule.is_object() && !rule.contains("field") && rule.contains("property")) {
            rule["field"] = rule["property"];
            rule.erase("property");
        }
        const auto field = rule.is_object() ? rule.find("field") : rule.end();
        if (rule.is_object() && field != rule.end() && field->is_string() &&
            field->get_ref<const std::string&>().starts_with("properties.")) {
            std::string path, rest = field->get<std::string>();
            for (size_t from = 0; from <= rest.size();) {
                const size_t dot = std::min(rest.find('.', from), rest.size());
                path += "[" + DumpJson(rest.substr(from, dot - from)) + "]";
                from = dot + 1;
            }
            *field = path;
        }
        rules.push_back(std::move(rule));
    }
    return {{"rules", std::move(rules)}};
}

// Errors of a rule say which it is.
template <typename Read>
rule::ExprPtr AtPlace(const std::string& place, Read read) {
    try {
        return read();
    } catch (const UserError& error) {
        throw UserError(error.state().c_str(), place + ": " + error.message(), error.detail(), error.hint());
    }
}

rule::ExprPtr ReadWhere(const JsonObject& object) {
    const Json* where = object.Find("where");
    const Json* conditions = object.List("conditions", rule::kMaxList);
    if (where && conditions)
        object.Fail(object.Place("where") + " and " + object.Place("conditions") + " are given", "",
                    "Give one of them.");
    if (conditions && conditions->empty()) return nullptr;
    if (conditions)
        return AtPlace(object.Place("conditions"),
                       [&] { return rule::FromJson(FromConditions(*conditions)); });
    if (!where) return nullptr;
    if (where->is_object()) return AtPlace(object.Place("where"), [&] { return rule::FromJson(*where); });
    const std::string text = object.Text("where", kWhereHint).value_or("");
    return AtPlace(object.Place("where"), [&] {
        rule::ExprPtr expr = rule::Parse(text);
        rule::RequireSize(*expr);
        return expr;
    });
}

FunnelStep ReadStep(const Json& json, size_t index) {
    const std::string place = "steps[" + std::to_string(index) + "]";
    FunnelStep step;
    if (json.is_string()) {
        step.event = step.name = json.get<std::string>();
        if (step.event.empty()) ThrowInvalid(place + " is empty", "", kStepHint);
        RequireEventName(place, step.event);
        return step;
    }
    const JsonObject object(json, {place, place},
                            {"event", "name", "where", "within", "event_name", "step_name", "conditions"},
                            R"("view" or {"event": "purchase", "where": "amount > 0"})");
    step.event = ReadEventName(object, "event", "event_name");
    step.name = object.Text("name").value_or(object.Text("step_name").value_or(step.event));
    if (step.name.empty()) step.name = step.event;
    step.where = ReadWhere(object);
    step.within = ReadSpan(object, "within");
    if (step.within && index == 0)
        object.Refuse("within", "has no meaning for the first step",
                      "It is the time from the step before. \"window\" is the time for all steps.");
    return step;
}

size_t ReadStepNumber(const JsonObject& object, const char* key, size_t low, size_t high, size_t otherwise) {
    const auto number = object.Number(key, static_cast<double>(low), static_cast<double>(high));
    if (!number) return otherwise;
    if (*number != static_cast<double>(static_cast<size_t>(*number)))
        object.Refuse(key, "must be the number of a step");
    return static_cast<size_t>(*number);
}

FunnelExcluded ReadExcluded(const Json& json, size_t index, size_t steps) {
    const std::string place = "exclude[" + std::to_string(index) + "]";
    FunnelExcluded excluded;
    excluded.before = steps;
    if (json.is_string()) {
        excluded.event = json.get<std::string>();
        if (excluded.event.empty()) ThrowInvalid(place + " is empty", "", kStepHint);
        RequireEventName(place, excluded.event);
        return excluded;
    }
    const JsonObject object(json, {place, place},
                            {"event", "where", "after", "before", "event_name", "conditions"},
                            R"("refund" or {"event": "refund", "after": 1, "before": 2})");
    excluded.event = ReadEventName(object, "event", "event_name");
    excluded.where = ReadWhere(object);
    excluded.after = ReadStepNumber(object, "after", 1, steps - 1, 1);
    excluded.before =
        ReadStepNumber(object, "before", 2, steps, object.Find("after") ? excluded.after + 1 : steps);
    if (excluded.after >= excluded.before)
        object.Refuse("before", "must be greater than " + object.Place("after"),
                      "Steps are counted from 1: after 1 and before 2 is between the first two.");
    return excluded;
}

std::vector<FunnelStep> ReadSteps(const JsonObject& object) {
    const Json* list = object.List("steps");
    if (!list)
        object.Fail("\"steps\" is missing in the funnel", "",
                    std::string("Give for example ") + kFunnelExample + ".");
    if (list->size() < 2 || list->size() > kMaxFunnelSteps)
        object.Fail("a funnel has 2 to 20 steps", "There are " + std::to_string(list->size()) + ".",
                    "Leave out steps, or make two funnels.");
    std::vector<FunnelStep> steps;
    for (size_t i = 0; i < list->size(); ++i) steps.push_back(ReadStep((*list)[i], i));
    return steps;
}

// The path of one name of a rule, without a first `properties`.
std::vector<std::string> ReadPath(const std::string& text, const char* what, const char* hint,
                                  rule::Reference* whole = nullptr) {
    const rule::ExprPtr expr = AtPlace(what, [&] { return rule::ParseField(text); });
    const auto* reference = rule::As<rule::Reference>(*expr);
    if (!reference || (reference->kind != rule::Reference::Kind::kPath &&
                       (!whole || reference->kind != rule::Reference::Kind::kSegment)))
        ThrowInvalid(std::string(what) + " is not a name", "It is " + InQuotes(Shorten(text, 100)) + ".",
                     hint);
    if (whole) *whole = *reference;
    return reference->path;
}

void ReadHold(const JsonObject& object, FunnelDefinition& funnel) {
    constexpr const char* kHint = "Give the name of a property that these events have, such as \"order_id\".";
    const std::optional<std::string> hold = object.Text("hold", kHint);
    if (!hold) return;
    funnel.hold_path = ReadPath(*hold, "\"hold\"", kHint);
    if (funnel.hold_path.size() > 1 && funnel.hold_path[0] == "properties")
        funnel.hold_path.erase(funnel.hold_path.begin());
    funnel.hold = *hold;
}

void ReadUnit(const JsonObject& object, FunnelDefinition& funnel) {
    static constexpr const char* kUnits[] = {"person", "session"};
    funnel.per_session = ReadWord(object, "per", kUnits).value_or(0) == 1;
    funnel.session_gap = ReadSpan(object, "session_gap");
    if (funnel.session_gap && !funnel.per_session)
        object.Refuse("session_gap", "needs sessions", R"(Give "per": "session", too.)");
    if (funnel.per_session && !funnel.session_gap) funnel.session_gap = FunnelSpan{"30 min", 30 * kMinute};
}

Json ConditionToJson(const FunnelCondition& condition) {
    Json json{{"event", condition.event}};
    if (condition.where) json["where"] = rule::Print(*condition.where);
    return json;
}

}  // namespace

FunnelBreakdown ReadBreakdown(const std::string& text) {
    using Kind = FunnelBreakdown::Kind;
    rule::Reference reference;
    FunnelBreakdown by;
    by.text = text;
    by.path = ReadPath(text, "\"by\"", kFunnelByHint, &reference);
    if (reference.kind == rule::Reference::Kind::kSegment) {
        by.kind = Kind::kSegment;
        by.segment = by.path[0];
        return by;
    }
    const std::string root = by.path[0];
    if (by.path.size() == 1 && root == "source") {
        by.kind = Kind::kSource;
        return by;
    }
    if (by.path.size() > 1) {
        by.kind = root == "profile"      ? Kind::kProfile
                  : root == "account"    ? Kind::kAccount
                  : root == "properties" ? Kind::kProperty
                  : root == "context"    ? Kind::kContext
                                         : Kind::kNone;
        by.path.erase(by.path.begin());
    }
    if (by.kind == Kind::kNone)
        ThrowInvalid("a funnel cannot be divided by " + InQuotes(Shorten(text, 100)), "", kFunnelByHint);
    return by;
}

FunnelDefinition ReadFunnel(const Json& json) {
    const JsonObject object(
        json, {"the funnel"},
        {"steps", "window", "step_timeout", "order", "entry", "exclude", "hold", "since", "until", "by",
         "by_step", "segment", "per", "session_gap", "conversion_window_days", "step_timeout_hours"},
        kFunnelExample);
    FunnelDefinition funnel;
    funnel.steps = ReadSteps(object);
    if (const auto window = ReadSpan(object, "window")) funnel.window = *window;
    if (const auto days = ReadCounted(object, "conversion_window_days", 3650, "day", kDay))
        funnel.window = *days;
    funnel.step_timeout = ReadSpan(object, "step_timeout");
    if (const auto hours = ReadCounted(object, "step_timeout_hours", 87'600, "hour", kHour))
        funnel.step_timeout = *hours;
    funnel.order = static_cast<FunnelOrder>(ReadWord(object, "order", kOrders).value_or(0));
    funnel.entry = static_cast<FunnelEntry>(ReadWord(object, "entry", kEntries).value_or(0));
    if (const Json* list = object.List("exclude", kMaxFunnelExclusions))
        for (size_t i = 0; i < list->size(); ++i)
            funnel.exclude.push_back(ReadExcluded((*list)[i], i, funnel.steps.size()));
    ReadHold(object, funnel);
    funnel.since = object.Time("since");
    funnel.until = object.Time("until");
    CheckDates(funnel);
    if (const auto by = object.Text("by", kFunnelByHint)) funnel.by = ReadBreakdown(*by);
    funnel.by_step = ReadStepNumber(object, "by_step", 1, funnel.steps.size(), 1);
    if (object.Find("by_step") && !funnel.by.OfEvent())
        object.Refuse("by_step", "has no meaning here",
                      "It says of which step's event \"by\" is a property, context or source.");
    funnel.segment = object.Text("segment").value_or("");
    ReadUnit(object, funnel);
    return funnel;
}

void CheckDates(const FunnelDefinition& funnel) {
    if (funnel.since && funnel.until && *funnel.since >= *funnel.until)
        ThrowInvalid(
            "\"since\" is not before \"until\"",
            "Since is " + FormatMoment(*funnel.since) + ", until " + FormatMoment(*funnel.until) + ".",
            "Give the earlier time as \"since\": it is included, \"until\" is not.");
}

Json FunnelToJson(const FunnelDefinition& funnel) {
    Json json{{"steps", Json::array()},
              {"window", funnel.window.text},
              {"order", kOrders[static_cast<size_t>(funnel.order)]},
              {"entry", kEntries[static_cast<size_t>(funnel.entry)]}};
    for (const FunnelStep& step : funnel.steps) {
        Json one = ConditionToJson(step);
        if (step.name != step.event) one["name"] = step.name;
        if (step.within) one["within"] = step.within->text;
        json["steps"].push_back(one.size() == 1 ? Json(step.event) : std::move(one));
    }
    for (const FunnelExcluded& excluded : funnel.exclude) {
        Json one = ConditionToJson(excluded);
        one["after"] = excluded.after;
        one["before"] = excluded.before;
        json["exclude"].push_back(std::move(one));
    }
    if (funnel.step_timeout) json["step_timeout"] = funnel.step_timeout->text;
    if (!funnel.hold.empty()) json["hold"] = funnel.hold;
    if (funnel.since) json["since"] = FormatMoment(*funnel.since);
    if (funnel.until) json["until"] = FormatMoment(*funnel.until);
    if (funnel.by.kind != FunnelBreakdown::Kind::kNone) json["by"] = funnel.by.text;
    if (funnel.by_step > 1) json["by_step"] = funnel.by_step;
    if (!funnel.segment.empty()) json["segment"] = funnel.segment;
    if (funnel.per_session) {
        json["per"] = "session";
        json["session_gap"] = funnel.session_gap->text;
    }
    return json;
}

std::string CheckFunnelName(const std::string& given) {
    constexpr const char* kBlank = " \t\r\n\f\v";
    const size_t first = given.find_first_not_of(kBlank);
    if (first == std::string::npos)
        ThrowInvalid("the name of a funnel must not be empty", "", "Give for example 'Checkout'.");
    const std::string name = given.substr(first, given.find_last_not_of(kBlank) - first + 1);
    if (CountCharacters(name) > kMaxFunnelName)
        ThrowInvalid("the name of a funnel is too long",
                     "It has " + std::to_string(CountCharacters(name)) + " characters.",
                     "At most " + std::to_string(kMaxFunnelName) + " are allowed.");
    if (name[0] == '{')
        ThrowInvalid("the name of a funnel must not begin with {",
                     "It is " + InQuotes(Shorten(name, 100)) + ".", "That is how a definition begins.");
    return name;
}

FunnelPlan PlanOf(const FunnelDefinition& funnel, Moment now) {
    FunnelPlan plan;
    plan.steps = funnel.steps.size();
    plan.window = funnel.window.length;
    for (size_t i = 0; i < plan.steps; ++i) {
        int64_t timeout = kNoLimit;
        if (i > 0 && funnel.step_timeout) timeout = funnel.step_timeout->length;
        if (funnel.steps[i].within) timeout = funnel.steps[i].within->length;
        plan.timeouts.push_back(timeout);
    }
    plan.order = funnel.order;
    plan.entry = funnel.entry;
    for (const FunnelExcluded& excluded : funnel.exclude)
        plan.exclusions.push_back(
            {static_cast<uint32_t>(excluded.after - 1), static_cast<uint32_t>(excluded.before - 1)});
    plan.session_gap = funnel.per_session ? funnel.session_gap->length : 0;
    plan.hold = !funnel.hold.empty();
    plan.now = now;
    return plan;
}

}  // namespace pulse::insight
