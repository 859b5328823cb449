// Reading JSON with errors that name the place. For this room's definitions; pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/base/json_object.hpp"
#include "pulse/flag/definition.hpp"

namespace pulse::flag {

[[noreturn]] void Invalid(const std::string& message, const std::string& detail, const std::string& hint);

// An object at a place such as rules[0]; "" is the whole definition.
class Reader : public JsonObject {
  public:
    Reader(const Json& json, const std::string& place, const std::vector<std::string>& keys,
           const char* example);

    // 1 to `longest` bytes.
    std::optional<std::string> Text(const char* key, size_t longest = 255) const;
    std::optional<double> Percentage(const char* key) const;
};

// The rules of a definition whose variants are read already.
std::vector<FlagRule> ReadRules(const Reader& reader, const Json& json, const Definition& definition);
Schedule ReadSchedule(const Reader& reader);

}  // namespace pulse::flag
