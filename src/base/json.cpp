#include "pulse/base/json.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse {

namespace {

// The library quotes the number.
std::string QuotedIn(const std::string& message) {
    const size_t begin = message.find('\''), end = message.rfind('\'');
    return begin < end ? message.substr(begin + 1, end - begin - 1) : "";
}

// With a callback that knows the depth, the library takes quadratic time for long arrays.
void CheckDepth(std::string_view text, int deepest) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') ++i;
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '}' || c == ']') --depth;
        if (c == '{' || c == '[') ++depth;
        if (depth > deepest)
            throw UserError(sqlstate::kProgramLimit, "JSON value is nested too deeply", "",
                            "At most " + std::to_string(deepest) + " levels are allowed.");
    }
}

}  // namespace

nlohmann::json ParseJson(std::string_view text, int deepest) {
    CheckDepth(text, deepest);
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::out_of_range& error) {
        throw UserError(sqlstate::kNumberOutOfRange, "number out of range in JSON",
                        "It is " + Shorten(QuotedIn(error.what()), 40) + ".",
                        "Numbers lie between -1e308 and 1e308.");
    }
}

nlohmann::json ParseJsonOrDiscard(std::string_view text) {
    return nlohmann::json::parse(text, nullptr, false);
}

std::string DumpJson(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pulse
