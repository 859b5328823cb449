// Reading JSON with errors that name the place. For this room's definitions; pure C++.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "pulse/flag/definition.hpp"

namespace pulse::flag {

[[noreturn]] void Invalid(const std::string& message, const std::string& detail, const std::string& hint);

// A value for an error's detail, shortened: "It is 5."
std::string Glimpse(const Json& value);
// "a", "b", "c"
std::string Quoted(const std::vector<std::string>& names);

// An object at a place such as rules[0]; "" is the whole definition.
class Reader {
  public:
    // Throws UserError unless it is an object, with none but these keys.
    Reader(const Json& json, std::string place, std::vector<const char*> keys, const char* example);

    // What a key has; nullptr when it is not there, or null.
    const Json* Find(const char* key) const;
    std::optional<std::string> Text(const char* key, size_t longest = 255) const;
    std::optional<double> Percentage(const char* key) const;
    std::optional<Moment> Time(const char* key) const;
    // A list or nothing; throws when it is longer.
    const Json* List(const char* key, size_t longest) const;
    const Json* Object(const char* key, size_t longest) const;
    // rules[0].percentage
    std::string Place(const std::string& key) const;

  private:
    const Json& json_;
    std::string place_;
};

// The rules of a definition whose variants are read already.
std::vector<FlagRule> ReadRules(const Reader& reader, const Json& json, const Definition& definition);
Schedule ReadSchedule(const Reader& reader);

}  // namespace pulse::flag
