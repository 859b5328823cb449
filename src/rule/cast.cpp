#include "pulse/rule/cast.hpp"

#include <algorithm>
#include <array>

#include "pulse/base/error.hpp"
#include "pulse/rule/address.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/expression.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/version.hpp"

namespace pulse::rule {

namespace {

// What the type numeric reads, in a range in which nothing overflows.
constexpr const char* kNumberPattern =
    "'^ *[-+]?([0-9]{1,100}([.][0-9]{0,100})?|[.][0-9]{1,100})([eE][-+]?[0-9]{1,2})? *$'";

std::string NumberIn(const std::string& text) {
    return "(CASE WHEN " + text + " ~ " + kNumberPattern + " THEN " + text + "::numeric END)";
}

CompiledValue AsNumber(const CompiledValue& value, const Expr& expr) {
    if (value.type == ValueType::kNumber) return value;
    if (value.type == ValueType::kText)
        return NumberOf(NumberIn("(" + AsText(value) + ")"), "numeric", expr, kAnyNumber);
    if (!value.dynamic) WrongArgument(value, "a text or a number", expr);
    return NumberOf("(CASE pg_catalog.jsonb_typeof(" + value.sql + ") WHEN 'number' THEN pulse.to_number(" +
                        value.sql + ") WHEN 'string' THEN " + NumberIn("(" + value.sql + " #>> '{}')") +
                        " END)",
                    "numeric", expr, kAnyNumber);
}

CompiledValue AsVersion(const std::string& text, bool pulse, const Expr& expr) {
    return {.type = ValueType::kVersion,
            .sql = "(" + (pulse ? "pulse.version_key(" + text + ")" : VersionKeySql(text)) +
                   " COLLATE pg_catalog.\"C\")",
            .sql_type = "semver",
            .expr = &expr,
            .shown = text};
}

CompiledValue AsAddress(const std::string& sql, const Expr& expr) {
    return {.type = ValueType::kAddress, .sql = sql, .sql_type = "inet", .expr = &expr};
}

bool IsListOfTexts(const CompiledValue& value) {
    return value.type == ValueType::kArray && ElementType(value) == ValueType::kText;
}

// Text in lower case; a list and JSON with all its texts in lower case.
CompiledValue Folded(CompiledValue value, const Expr* expr) {
    value.literal = value.literal && value.expr == expr;
    value.expr = expr;
    value.folded = true;
    if (value.dynamic) {
        value.sql = "(pg_catalog.lower((" + value.sql + ")::text)::jsonb)";
    } else if (value.type == ValueType::kArray) {
        value.sql = "(pg_catalog.lower((" + value.sql + ")::text)::text[])";
        value.sql_type = "text[]";
    } else {
        value.sql = "pg_catalog.lower(" + AsText(value) + ")";
        value.type = ValueType::kText;
        value.sql_type = "text";
    }
    return value;
}

// What type() returns.
constexpr std::array<std::string_view, 6> kTypes = {"string", "number", "boolean", "array", "object", "null"};

bool IsTypeName(const Expr& expr) {
    const Call* call = As<Call>(expr);
    return call && call->function == Function::kType;
}

[[noreturn]] void RefuseLiteral(const CompiledValue& literal, const char* what, const char* hint) {
    throw UserError(sqlstate::kInvalidText,
                    std::string("invalid ") + what + " in rule" + AtPosition(*literal.expr),
                    std::string("The ") + what + " is " + PrintShort(*literal.expr) + ".", hint);
}

}  // namespace

CompiledValue Cast(Function function, const CompiledValue& argument, bool pulse, const Expr& expr) {
    switch (function) {
        case Function::kNumber: return AsNumber(argument, expr);
        case Function::kSemver: return AsVersion(RequireText(argument, expr), pulse, expr);
        case Function::kInet: {
            if (argument.sql_type == "inet" || argument.sql_type == "cidr")
                return AsAddress("(" + argument.sql + ")::inet", expr);
            const std::string text = RequireText(argument, expr);
            return AsAddress(pulse ? "pulse.to_inet(" + text + ")" : AddressSql(text), expr);
        }
        case Function::kIgnoreCase:
            if (argument.type == ValueType::kArray && !IsListOfTexts(argument))
                WrongArgument(argument, "a text or a list of texts", expr);
            if (argument.type != ValueType::kArray && !argument.dynamic) RequireText(argument, expr);
            return Folded(argument, &expr);
        default:
            if (!argument.dynamic) WrongArgument(argument, "an attribute or a property", expr);
            return TextOf("pg_catalog.jsonb_typeof(" + argument.sql + ")", expr);
    }
}

CompiledValue Beside(const CompiledValue& value, const CompiledValue& other) {
    const Text* text = value.literal ? As<Text>(*value.expr) : nullptr;
    if (text && other.type == ValueType::kVersion) {
        const auto key = VersionKey(text->value);
        if (!key) RefuseLiteral(value, "version", "Write a version such as \"2.10.0\" or \"3.0.0-beta.1\".");
        return {.type = ValueType::kVersion,
                .sql = QuoteText(*key),
                .sql_type = "semver",
                .expr = value.expr,
                .shown = value.sql};
    }
    if (text && other.type == ValueType::kAddress) {
        if (!IsAddress(text->value))
            RefuseLiteral(
                value, "address",
                "Write an address or a network such as \"10.1.2.3\", \"10.0.0.0/8\" or \"2001:db8::/32\".");
        return AsAddress("(" + value.sql + ")::inet", *value.expr);
    }
    if (text && IsTypeName(*other.expr) && std::ranges::find(kTypes, text->value) == kTypes.end())
        RefuseLiteral(value, "type",
                      "Write \"string\", \"number\", \"boolean\", \"array\", \"object\" or \"null\".");
    const bool folds = other.folded && !value.folded &&
                       (value.dynamic || value.type == ValueType::kText || value.type == ValueType::kEnum ||
                        IsListOfTexts(value));
    return folds ? Folded(value, value.expr) : value;
}

CompiledValue Shown(const CompiledValue& value) {
    if (value.type == ValueType::kVersion)
        return TextOf("(CASE WHEN " + value.sql + " IS NOT NULL THEN " + value.shown + " END)", *value.expr);
    if (value.type == ValueType::kAddress) return TextOf("pg_catalog.abbrev(" + value.sql + ")", *value.expr);
    return value;
}

}  // namespace pulse::rule
