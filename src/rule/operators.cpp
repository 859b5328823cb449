#include "pulse/rule/operators.hpp"

#include <algorithm>

namespace pulse::rule {

namespace {

struct NamedOperator {
    std::string_view name;
    Operator meaning;
};

constexpr NamedOperator kSigns[] = {
    {"=", {Op::kEqual}}, {"==", {Op::kEqual}},     {"!=", {Op::kNotEqual}}, {"<>", {Op::kNotEqual}},
    {"<", {Op::kLess}},  {"<=", {Op::kLessEqual}}, {">", {Op::kGreater}},   {">=", {Op::kGreaterEqual}},
};

constexpr NamedOperator kWords[] = {
    {"in", {Op::kIn}},
    {"not_in", {Op::kIn, true}},
    {"between", {Op::kBetween}},
    {"not_between", {Op::kBetween, true}},
    {"contains", {Op::kContains}},
    {"not_contains", {Op::kContains, true}},
    {"contains_any", {Op::kContainsAny}},
    {"not_contains_any", {Op::kContainsAny, true}},
    {"contains_all", {Op::kContainsAll}},
    {"not_contains_all", {Op::kContainsAll, true}},
    {"starts_with", {Op::kStartsWith}},
    {"not_starts_with", {Op::kStartsWith, true}},
    {"ends_with", {Op::kEndsWith}},
    {"not_ends_with", {Op::kEndsWith, true}},
    {"matches", {Op::kMatches}},
    {"not_matches", {Op::kMatches, true}},
    {"is_null", {Op::kIsNull}},
    {"is_not_null", {Op::kIsNull, true}},
    {"within_last", {Op::kWithinLast}},
    {"not_within_last", {Op::kWithinLast, true}},
    {"before_last", {Op::kBeforeLast}},
    {"not_before_last", {Op::kBeforeLast, true}},
};

// `exists` asks for a value, so it is the negation of `is null`.
constexpr NamedOperator kJsonSynonyms[] = {
    {"equals", {Op::kEqual}},         {"not_equals", {Op::kNotEqual}},
    {"less_than", {Op::kLess}},       {"less_or_equal", {Op::kLessEqual}},
    {"greater_than", {Op::kGreater}}, {"greater_or_equal", {Op::kGreaterEqual}},
    {"before", {Op::kLess}},          {"after", {Op::kGreater}},
    {"exists", {Op::kIsNull, true}},  {"not_exists", {Op::kIsNull}},
};

struct NamedFunction {
    std::string_view name;
    Function function;
    size_t least = 1, most = 1;  // arguments
};

constexpr NamedFunction kFunctions[] = {
    {"lower", Function::kLower},
    {"upper", Function::kUpper},
    {"len", Function::kLen},
    {"abs", Function::kAbs},
    {"round", Function::kRound, 1, 2},
    {"days_since", Function::kDaysSince},
    {"now", Function::kNow, 0, 0},
    {"seconds_since", Function::kSecondsSince},
    {"minutes_since", Function::kMinutesSince},
    {"hours_since", Function::kHoursSince},
    {"if", Function::kIf, 3, 3},
    {"number", Function::kNumber},
    {"semver", Function::kSemver},
    {"inet", Function::kInet},
    {"ignore_case", Function::kIgnoreCase},
    {"type", Function::kType},
};

constexpr std::string_view kReserved[] = {"and", "or", "not", "exists", "true", "false", "null", "now"};

char Lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

template <size_t N>
std::optional<Operator> Find(const NamedOperator (&entries)[N], std::string_view name) {
    for (const NamedOperator& entry : entries)
        if (EqualsIgnoringCase(entry.name, name)) return entry.meaning;
    return std::nullopt;
}

}  // namespace

const char* const kOperatorHint =
    "Operators are =, !=, <, <=, >, >=, in […], between … and …, contains, contains_any […], "
    "contains_all […], starts_with, ends_with, matches, is null, within last 7d, before last 7d, each with "
    "\"not\"; conditions are joined by && and ||.";
const char* const kJsonOperatorHint =
    "Operators are =, !=, <, <=, >, >=, in, not_in, between, not_between, contains, not_contains, "
    "contains_any, not_contains_any, contains_all, not_contains_all, starts_with, not_starts_with, "
    "ends_with, not_ends_with, matches, not_matches, exists, not_exists, is_null, is_not_null, "
    "within_last, not_within_last, before_last, not_before_last, before, after, any, not_any, all, not_all.";
const char* const kValueHint =
    "A value is a column, a number, a text in quotes, true, false, null, now, a duration such as 7d, a "
    "function call or an expression in parentheses.";
const char* const kFunctionHint =
    "Functions are lower(text), upper(text), len(text), abs(number), round(number [, digits]), "
    "coalesce(a, b, …), days_since(timestamp), hours_since, minutes_since, seconds_since, "
    "if(condition, a, b), now, number(x), semver(x), inet(x), ignore_case(x), type(x), list(a, b, …), "
    "any(list, condition) and all(list, condition).";
const char* const kElementsHint =
    "Write any(profile.devices, os = \"ios\" && number(version) >= 15) or all(…): a list and a condition on the "
    "properties of one element; $ is the element itself.";

std::optional<Operator> FindSign(std::string_view sign) {
    return Find(kSigns, sign);
}

std::optional<Operator> FindWord(std::string_view word) {
    return Find(kWords, word);
}

std::optional<Operator> FindJsonOperator(std::string_view name) {
    if (auto sign = Find(kSigns, name)) return sign;
    if (auto word = Find(kWords, name)) return word;
    return Find(kJsonSynonyms, name);
}

const char* Spelling(Op op) {
    switch (op) {
        case Op::kOr: return "||";
        case Op::kAnd: return "&&";
        case Op::kNot: return "!";
        case Op::kEqual: return "=";
        case Op::kNotEqual: return "!=";
        case Op::kLess: return "<";
        case Op::kLessEqual: return "<=";
        case Op::kGreater: return ">";
        case Op::kGreaterEqual: return ">=";
        case Op::kIn: return "in";
        case Op::kBetween: return "between";
        case Op::kIsNull: return "is null";
        case Op::kContains: return "contains";
        case Op::kContainsAny: return "contains_any";
        case Op::kContainsAll: return "contains_all";
        case Op::kStartsWith: return "starts_with";
        case Op::kEndsWith: return "ends_with";
        case Op::kMatches: return "matches";
        case Op::kWithinLast: return "within last";
        case Op::kBeforeLast: return "before last";
        case Op::kAdd: return "+";
        case Op::kSubtract: return "-";
        case Op::kMultiply: return "*";
        case Op::kDivide: return "/";
        case Op::kModulo: return "%";
        case Op::kNegate: return "-";
        case Op::kCoalesce: return "??";
    }
    return "";
}

bool TakesList(Op op) {
    return op == Op::kIn || op == Op::kContainsAny || op == Op::kContainsAll;
}

const char* Name(Function function) {
    for (const NamedFunction& entry : kFunctions)
        if (entry.function == function) return entry.name.data();
    return "";
}

std::optional<Function> FindFunction(std::string_view name) {
    for (const NamedFunction& entry : kFunctions)
        if (EqualsIgnoringCase(entry.name, name)) return entry.function;
    return std::nullopt;
}

bool DependsOnNow(Function function) {
    return function == Function::kNow || function == Function::kSecondsSince ||
           function == Function::kMinutesSince || function == Function::kHoursSince ||
           function == Function::kDaysSince;
}

bool TakesArguments(Function function, size_t count) {
    for (const NamedFunction& entry : kFunctions)
        if (entry.function == function) return count >= entry.least && count <= entry.most;
    return false;
}

bool IsReserved(std::string_view name) {
    return std::any_of(std::begin(kReserved), std::end(kReserved),
                       [&](std::string_view word) { return EqualsIgnoringCase(word, name); });
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace pulse::rule
