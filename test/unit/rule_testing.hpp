// What the tests of the rule room share.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "pulse/base/error.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

inline std::string Canonical(std::string_view text) {
    return Print(*Parse(text));
}

inline std::string CanonicalJson(const std::string& json) {
    return Print(*FromJson(nlohmann::json::parse(json)));
}

// The UserError that the work throws; fails the test when it throws none.
inline UserError ErrorOf(const std::function<void()>& work) {
    try {
        work();
    } catch (const UserError& error) {
        return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return UserError("00000", "");
}

inline UserError ParseError(std::string_view text) {
    return ErrorOf([&] { Parse(text); });
}

// A relation with a column of every kind.
inline const RelationScope& Columns() {
    static const RelationScope scope({{"id", "integer", ValueType::kNumber},
                                      {"big", "bigint", ValueType::kNumber},
                                      {"ltv", "numeric(10,2)", ValueType::kNumber},
                                      {"score", "double precision", ValueType::kNumber},
                                      {"ratio", "real", ValueType::kNumber},
                                      {"plan", "text", ValueType::kText},
                                      {"code", "character(3)", ValueType::kText},
                                      {"active", "boolean", ValueType::kBoolean},
                                      {"seen", "timestamp with time zone", ValueType::kTimestamp},
                                      {"made", "timestamp without time zone", ValueType::kTimestamp},
                                      {"born", "date", ValueType::kTimestamp},
                                      {"span", "interval", ValueType::kDuration},
                                      {"mood", "mood", ValueType::kEnum},
                                      {"uid", "uuid", ValueType::kOther},
                                      {"ip", "inet", ValueType::kOther},
                                      {"tags", "text[]", ValueType::kArray},
                                      {"data", "jsonb", ValueType::kJson},
                                      {"Order Total", "numeric", ValueType::kNumber},
                                      {"x\"; DROP TABLE users; --", "text", ValueType::kText}});
    return scope;
}

inline Compiled CompileText(std::string_view text, Expect expect = Expect::kBoolean) {
    return Compile(*Parse(text), Columns(), expect, "clock()");
}

inline std::string Sql(std::string_view text) {
    return CompileText(text).sql;
}

inline UserError CompileError(std::string_view text) {
    const ExprPtr expr = Parse(text);
    return ErrorOf([&] { Compile(*expr, Columns(), Expect::kBoolean, "clock()"); });
}

}  // namespace pulse::rule
