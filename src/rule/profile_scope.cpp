#include "pulse/rule/profile_scope.hpp"

#include <algorithm>
#include <map>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/rule/consent.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

constexpr const char* kNameHint =
    "There are profile.x, account.x, events.purchase.count_30d, consent.ads, traits by name or as trait(\"x\"), "
    "segment(\"x\"), "
    "last_seen_days_ago, first_seen_days_ago (also hours, minutes) and lifecycle.";

constexpr const char* kLifecycle =
    "if((exists (profile.email ?? profile.phone) || events.Purchase.exists || events.purchase.exists ||"
    "  events[\"Order Completed\"].exists) && events.*.last_seen before last 90d, \"churned\","
    " if(events.Purchase.exists || events.purchase.exists || events[\"Order Completed\"].exists, "
    "\"customer\","
    "  if(exists (profile.email ?? profile.phone), \"known\", \"anonymous\")))";

std::map<std::string, ExprPtr> MakeBuiltins() {
    std::map<std::string, ExprPtr> builtins{{"lifecycle", Parse(kLifecycle)}};
    for (const char* seen : {"first_seen", "last_seen"})
        for (const char* unit : {"_seconds_ago", "_minutes_ago", "_hours_ago", "_days_ago"}) {
            const std::string name = std::string(seen) + unit;
            builtins[name] = Parse("events.*." + name);
        }
    return builtins;
}

const std::map<std::string, ExprPtr>& Builtins() {
    static const std::map<std::string, ExprPtr> builtins = MakeBuiltins();
    return builtins;
}

// The leaves behind consent.ads and the like, kept as long as the process: those who write rules know few
// purposes.
const Expr* ConsentFor(const std::string& purpose) {
    constexpr size_t kMostPurposes = 1000;
    static std::map<std::string, ExprPtr> known;
    const auto place = known.find(purpose);
    if (place != known.end()) return place->second.get();
    if (known.size() == kMostPurposes) return nullptr;
    return known.emplace(purpose, Make(Metric{.aggregate = Aggregate::kConsent, .purpose = purpose}, 0))
        .first->second.get();
}

// Prefixes of paths; a prefix alone is incomplete.
bool IsRoot(const std::string& name) {
    return name == "profile" || name == "account" || name == "context" || name == "events" ||
           name == "consent";
}

void AddOnce(std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

Resolved JsonValue(std::string sql) {
    return {.sql = std::move(sql), .type = ValueType::kJson, .sql_type = "jsonb", .dynamic = true};
}

[[noreturn]] void Refuse(const Expr& expr, const char* detail, const char* hint) {
    throw UserError(sqlstate::kNotSupported,
                    PrintShort(expr) + " is not available in rules" + AtPosition(expr), detail, hint);
}

}  // namespace

const Expr* FindBuiltin(const Reference& reference) {
    if (const std::string* purpose = PurposeOf(reference)) return ConsentFor(*purpose);
    if (reference.kind != Reference::Kind::kPath || reference.path.size() != 1) return nullptr;
    const auto found = Builtins().find(reference.path[0]);
    return found == Builtins().end() ? nullptr : found->second.get();
}

const std::string* TraitOf(const Reference& reference) {
    if (reference.kind == Reference::Kind::kTrait) return &reference.path[0];
    if (reference.kind != Reference::Kind::kPath || reference.path.size() != 1) return nullptr;
    return FindBuiltin(reference) || IsRoot(reference.path[0]) ? nullptr : &reference.path[0];
}

std::string MacroOf(const Reference& reference) {
    if (reference.kind != Reference::Kind::kPath) return "";
    const std::vector<std::string>& path = reference.path;
    if (path.size() == 1) return path[0] == "lifecycle" ? path[0] : "";
    if (path[0] != "rfm") return "";
    std::string name = path[0];
    for (size_t i = 1; i < path.size(); ++i) name += "." + path[i];
    return name;
}

Resolved PropertyScope::Resolve(const Reference& reference, size_t position) const {
    const bool step = reference.kind == Reference::Kind::kStep;
    if ((step && before_.empty()) || (!step && reference.kind != Reference::Kind::kPath))
        Refuse(Expr{reference, position, 1}, "A filter is about the properties of one event.",
               "Compare properties with values, as in {category == \"cosmetics\"}.");
    return JsonValue(JsonPath(step ? before_ : properties_, reference.path));
}

Resolved PropertyScope::ResolveMetric(const Expr& expr) const {
    Refuse(expr, "A filter is about the properties of one event.",
           "Compare properties with values, as in {category == \"cosmetics\"}.");
}

Resolved ElementScope::Resolve(const Reference& reference, size_t position) const {
    if (reference.kind == Reference::Kind::kPath || reference.kind == Reference::Kind::kElement)
        return JsonValue(JsonPath(element_, reference.path));
    Refuse(Expr{reference, position, 1}, "Such a condition is about one element of the list.", kElementsHint);
}

Resolved ElementScope::ResolveMetric(const Expr& expr) const {
    Refuse(expr, "Such a condition is about one element of the list.", kElementsHint);
}

Resolved ProfileScope::Attribute(const Reference& reference, const std::string& json,
                                 std::vector<std::string>* read) const {
    if (read) AddOnce(*read, reference.path[1]);
    return JsonValue(JsonPath(json, reference.path, 1));
}

Resolved ProfileScope::Resolve(const Reference& reference, size_t position) const {
    const Expr expr{reference, position, 1};
    const std::string& root = reference.path[0];
    if (reference.kind == Reference::Kind::kPath && reference.path.size() > 1) {
        if (root == "profile") return Attribute(reference, names_.attributes, &attributes);
        if (root == "account") return Attribute(reference, names_.account, &account_attributes);
        if (root == "context") {
            if (names_.context.empty())
                Refuse(expr, "Only the rules of flags have a context.",
                       "Use profile.x, which pulse_identify() sets.");
            return Attribute(reference, names_.context, nullptr);
        }
        if (root == "rfm")
            Refuse(expr, "RFM is not switched on.", "SELECT pulse_enable_rfm() switches it on.");
        if (root == "consent")
            Refuse(expr, "A purpose of consent consists of lower-case letters, digits and _.",
                   "Write consent.ads, consent.email, or another purpose of pulse.consent_purpose.");
        throw UserError(
            sqlstate::kUndefinedColumn, "unknown name " + PrintShort(expr) + " in rule" + AtPosition(expr),
            "Nothing begins with " + PrintName(root) + ".",
            SuggestName(root, {"profile", "account", "context", "events", "consent"}, "Names", PrintName) +
                " " + kNameHint);
    }
    if (reference.kind == Reference::Kind::kPath && IsRoot(root))
        throw UserError(sqlstate::kSyntaxError, "incomplete name in rule" + AtPosition(expr),
                        PrintShort(expr) + " stands alone.", kNameHint);
    const bool segment = reference.kind == Reference::Kind::kSegment;
    throw UserError(sqlstate::kUndefinedObject,
                    std::string("unknown ") + (segment ? "segment " : "trait ") + Shorten(root, 80) +
                        " in rule" + AtPosition(expr),
                    "There is none of that name.", kNameHint);
}

Resolved ProfileScope::ResolveMetric(const Expr& expr) const {
    if (!names_.metric)
        Refuse(expr, "Events cannot be counted here.",
               "Make a trait of it with pulse_create_trait() and use that by its name.");
    const Metric& metric = *As<Metric>(expr);
    const std::string text = Print(metric);
    const auto known = std::find(texts_.begin(), texts_.end(), text);
    const size_t n = static_cast<size_t>(known - texts_.begin());
    if (known == texts_.end()) {
        CompileMetric(metric, "pulse_now()", "UTC", "0");  // for its checks
        texts_.push_back(text);
        metrics.push_back(metric);
    }
    const ValueType type = TypeOf(metric);
    return {.sql = names_.metric(n),
            .type = type,
            .sql_type = SqlTypeOf(metric),
            .dynamic = type == ValueType::kJson};
}

}  // namespace pulse::rule
