#include "pulse/trait/definition.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/rule/consent.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::trait {

namespace {

constexpr size_t kMaxKey = 128;
constexpr const char* kKeyHint =
    "A trait's name consists of letters, digits and underscores and does not begin with a digit, such as "
    "total_spent.";

const std::vector<std::string>& BuiltIn() {
    static const std::vector<std::string> names = {
        "profile",    "account", "context", "events",  "trait",    "segment",  "flag",        "lifecycle",
        "now",        "session", "rfm",     "consent", "sequence", "calendar", "all",         "last_seen",
        "first_seen", "lower",   "upper",   "len",     "abs",      "round",    "days_since",  "coalesce",
        "exists",     "user",    "in",      "between", "is",       "contains", "starts_with", "ends_with",
        "matches",    "within",  "before",  "last",    "or",       "and",      "not"};
    return names;
}

bool IsAge(const std::string& key) {
    for (const char* side : {"last_seen_", "first_seen_"})
        for (const char* unit : {"seconds_ago", "minutes_ago", "hours_ago", "days_ago", "weeks_ago"})
            if (key == std::string(side) + unit) return true;
    return false;
}

bool ParsesAsName(const std::string& key) {
    try {
        const rule::ExprPtr expr = rule::Parse(key);
        const rule::Reference* reference = rule::As<rule::Reference>(*expr);
        return reference && reference->path.size() == 1 && reference->path[0] == key;
    } catch (const UserError&) {
        return false;
    }
}

constexpr const char* kExample =
    "{\"function\": \"sum\", \"event\": \"purchase\", \"property\": \"total\", \"window_days\": 30}";
const std::string kGiveExample = std::string("Give for example ") + kExample + ".";

// Empty when it is not there.
std::string TextOf(const JsonObject& trait, const char* key, bool required) {
    const auto text = trait.Text(key, kGiveExample);
    if (!text && required)
        trait.Fail("the trait needs " + trait.Place(key), DescribeJson(trait.json()), kGiveExample);
    if (text && text->empty()) trait.Refuse(key, "must not be empty", kGiveExample);
    return text.value_or("");
}

struct FunctionName {
    const char* name;
    rule::Aggregate aggregate;
    bool property;
};
constexpr FunctionName kFunctions[] = {{"count", rule::Aggregate::kCount, false},
                                       {"exists", rule::Aggregate::kExists, false},
                                       {"sum", rule::Aggregate::kSum, true},
                                       {"average", rule::Aggregate::kAverage, true},
                                       {"min", rule::Aggregate::kMin, true},
                                       {"max", rule::Aggregate::kMax, true},
                                       {"first", rule::Aggregate::kFirst, true},
                                       {"last", rule::Aggregate::kLast, true},
                                       {"unique_count", rule::Aggregate::kDistinct, true}};

rule::Window WindowOf(const JsonObject& trait) {
    rule::Window window;
    const nlohmann::json* found = trait.Find("window_days");
    if (!found) return window;
    constexpr int64_t kMost = 3650;
    if (!found->is_number_integer() || found->get<int64_t>() < 1 || found->get<int64_t>() > kMost)
        trait.Refuse("window_days", "must be an integer from 1 to " + std::to_string(kMost));
    window.kind = rule::Window::Kind::kSliding;
    window.from = found->get<int64_t>() * (kDay / kSecond);
    return window;
}

std::vector<std::string> SplitPath(const std::string& text) {
    std::vector<std::string> path(1);
    for (const char c : text) {
        if (c == '.')
            path.emplace_back();
        else
            path.back() += c;
    }
    if (std::find(path.begin(), path.end(), "") != path.end())
        ThrowInvalid("\"property\" is not a path of names", "It is \"" + text + "\".", kGiveExample);
    return path;
}

template <typename T>
void AddOnce(std::vector<T>& list, const T& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

std::string Joined(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& part : path) text += (text.empty() ? "" : ".") + part;
    return text;
}

bool NeedsNumbers(rule::Aggregate aggregate) {
    return aggregate == rule::Aggregate::kSum || aggregate == rule::Aggregate::kAverage ||
           aggregate == rule::Aggregate::kMedian || aggregate == rule::Aggregate::kP95;
}

// The event whose properties are attributes.
const std::string kIdentify = "$identify";

class ReferenceFinder {
  public:
    // `event`: the event that the names of a filter refer to; nullptr outside of filters.
    void Walk(const rule::Expr& expr, const std::string* event) {
        if (const auto* metric = rule::As<rule::Metric>(expr)) return Visit(*metric);
        if (const auto* reference = rule::As<rule::Reference>(expr)) return Visit(*reference, event);
        if (const auto* operation = rule::As<rule::Operation>(expr)) AddOrder(*operation, event);
        for (const rule::ExprPtr& operand : rule::OperandsOf(expr)) Walk(*operand, event);
    }

    RuleReferences found;

  private:
    void AddOrder(const rule::Operation& operation, const std::string* event) {
        if (operation.op != rule::Op::kLess && operation.op != rule::Op::kLessEqual &&
            operation.op != rule::Op::kGreater && operation.op != rule::Op::kGreaterEqual)
            return;
        std::vector<std::string> names;
        for (const rule::ExprPtr& operand : operation.operands) {
            const auto* reference = rule::As<rule::Reference>(*operand);
            if (!reference || reference->kind != rule::Reference::Kind::kPath) return;
            const std::vector<std::string>& path = reference->path;
            if (event && path.size() == 1) names.push_back(path[0]);
            if (!event && path.size() == 2 && path[0] == "profile") names.push_back(path[1]);
        }
        if (names.size() == 2) AddOnce(found.orders, {event ? *event : kIdentify, names[0], names[1]});
    }

    void Visit(const rule::Metric& metric) {
        if (metric.aggregate == rule::Aggregate::kStatic) return;
        if (metric.aggregate == rule::Aggregate::kConsent) return AddOnce(found.purposes, metric.purpose);
        if (metric.steps.empty()) AddOnce(found.events, metric.event);
        if (!metric.property.empty()) AddOnce(found.properties, {metric.event, Joined(metric.property)});
        if (NeedsNumbers(metric.aggregate)) AddOnce(found.numbers, {metric.event, Joined(metric.property)});
        if (metric.filter) Walk(*metric.filter, &metric.event);
        for (const rule::SequenceStep& step : metric.steps) {
            AddOnce(found.events, step.event);
            if (step.filter) Walk(*step.filter, &step.event);
        }
    }

    void Visit(const rule::Reference& reference, const std::string* event) {
        if (reference.kind != rule::Reference::Kind::kPath) return;
        if (event) {
            AddOnce(found.properties, {*event, Joined(reference.path)});
        } else if (const std::string* purpose = rule::PurposeOf(reference)) {
            AddOnce(found.purposes, *purpose);
        } else if (reference.path.size() == 1 && IsAge(reference.path[0])) {
            AddOnce(found.events, std::string());
        } else if (reference.path.size() == 1 && reference.path[0] == "lifecycle") {
            AddOnce(found.events, std::string());
            for (const char* key : {"email", "phone"}) AddOnce(found.attributes, std::string(key));
        } else if (reference.path.size() > 1 && reference.path[0] == "profile") {
            AddOnce(found.attributes, reference.path[1]);
        } else if (reference.path.size() > 1 && reference.path[0] == "account") {
            AddOnce(found.account_attributes, reference.path[1]);
        }
    }
};

}  // namespace

std::string CheckKey(const std::string& given) {
    constexpr const char* kBlank = " \t\r\n\f\v";
    const size_t first = given.find_first_not_of(kBlank);
    if (first == std::string::npos) ThrowInvalid("a trait's name must not be empty", "", kKeyHint);
    const std::string key = given.substr(first, given.find_last_not_of(kBlank) - first + 1);
    if (key.size() > kMaxKey)
        ThrowInvalid("a trait's name is too long", "It has " + std::to_string(key.size()) + " bytes.",
                     "At most " + std::to_string(kMaxKey) + " are allowed.");
    const auto fits = [](char c) { return IsLetter(c) || c == '_' || IsDigit(c); };
    if (!std::all_of(key.begin(), key.end(), fits) || IsDigit(key[0]))
        ThrowInvalid("\"" + key + "\" is not a valid trait name", "", kKeyHint);
    if (std::find(BuiltIn().begin(), BuiltIn().end(), key) != BuiltIn().end() || IsAge(key) ||
        !ParsesAsName(key))
        ThrowInvalid("a trait cannot be named \"" + key + "\"", "The name has another meaning in a rule.",
                     "Choose another one.");
    return key;
}

rule::ExprPtr FromJson(const nlohmann::json& json) {
    static const std::vector<std::string> kKeys = {"function",    "event",  "property",
                                                   "window_days", "filter", "expression"};
    const JsonObject trait(json, {"the trait"}, kKeys, kExample);
    const std::string function = TextOf(trait, "function", true);
    if (function == "formula") return rule::Parse(TextOf(trait, "expression", true));
    std::vector<std::string> names = {"formula"};
    for (const FunctionName& known : kFunctions) {
        names.push_back(known.name);
        if (function != known.name) continue;
        rule::Metric metric;
        metric.aggregate = known.aggregate;
        metric.event = TextOf(trait, "event", true);
        metric.window = WindowOf(trait);
        if (known.property) metric.property = SplitPath(TextOf(trait, "property", true));
        const std::string filter = TextOf(trait, "filter", false);
        if (!filter.empty()) metric.filter = rule::Parse(filter);
        // The printed form is parsed again, which checks it.
        return rule::Parse(rule::Print(*rule::Make(std::move(metric), 0)));
    }
    ThrowInvalid("unknown function \"" + function + "\" of a trait", "",
                 SuggestName(function, names, "Functions"));
}

rule::ExprPtr ReadExpression(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos)
        throw UserError(sqlstate::kSyntaxError, "the expression is empty", "",
                        "Give for example events.purchase.count_30d >= 1.");
    if (text[first] != '{') return rule::Parse(text);
    return FromJson(
        rule::ReadJson(text, "the expression",
                       std::string("An expression that begins with { must be valid JSON. ") + kGiveExample));
}

std::string TypeName(const rule::Expr& expr, rule::ValueType type) {
    switch (type) {
        case rule::ValueType::kBoolean: return "boolean";
        case rule::ValueType::kNumber: return "number";
        case rule::ValueType::kText:
        case rule::ValueType::kEnum: return "text";
        case rule::ValueType::kTimestamp: return "timestamp";
        case rule::ValueType::kArray: return "list";
        case rule::ValueType::kJson: return rule::As<rule::List>(expr) ? "list" : "json";
        case rule::ValueType::kDuration:
        case rule::ValueType::kVersion:
        case rule::ValueType::kAddress:
        case rule::ValueType::kOther: break;
    }
    throw UserError(sqlstate::kDatatypeMismatch, "a trait cannot be a duration",
                    "The expression is " + rule::PrintShort(expr) + ".",
                    "Count days with days_since(…), or compare the instants.");
}

RuleReferences FindReferences(const rule::Expr& expr) {
    ReferenceFinder finder;
    finder.Walk(expr, nullptr);
    return std::move(finder.found);
}

}  // namespace pulse::trait
