#include "pulse/base/json.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"

namespace pulse {

nlohmann::json ParseJson(std::string_view text, int deepest) {
    const auto shallow = [deepest](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        if (depth > deepest)
            throw UserError(sqlstate::kProgramLimit, "JSON value is nested too deeply", "",
                            "At most " + std::to_string(deepest) + " levels are allowed.");
        return true;
    };
    return nlohmann::json::parse(text, shallow);
}

nlohmann::json ParseJsonOrDiscard(std::string_view text) {
    return nlohmann::json::parse(text, nullptr, false);
}

std::string DumpJson(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pulse
