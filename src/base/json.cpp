#include "pulse/base/json.hpp"

#include <string>

#include "pulse/base/error.hpp"

namespace pulse {

nlohmann::json ParseJson(std::string_view text) {
    const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        if (depth > kDeepestJson)
            throw UserError(sqlstate::kProgramLimit, "JSON value is nested too deeply", "",
                            "At most " + std::to_string(kDeepestJson) + " levels can be used.");
        return true;
    };
    return nlohmann::json::parse(text, shallow);
}

}  // namespace pulse
