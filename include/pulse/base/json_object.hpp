// Reads the JSON objects that users write. Strict: every error (22023) names the place, shows the value and
// says what is valid. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/suggest.hpp"
#include "pulse/base/time.hpp"

namespace pulse {

// A value for an error's detail, shortened: `It is 5.`
std::string DescribeJson(const nlohmann::json& value);

// How messages call an object.
struct JsonPlace {
    std::string name = {};  // "the definition", "rules[0]", "\"expectedSize\""
    std::optional<std::string> path =
        {};                   // keys are called path.key, or key when it is empty; without it "key"
    std::string within = {};  // a sentence before each detail, such as "In check 1."
    const std::vector<Elsewhere>* elsewhere = nullptr;  // where keys belong that are not valid here
};

class JsonObject {
  public:
    // Throws UserError unless `json` is an object; `example` is one that is valid. The object must outlive
    // this.
    JsonObject(const nlohmann::json& json, JsonPlace place, const std::string& example);
    // The same, with none but these keys.
    JsonObject(const nlohmann::json& json, JsonPlace place, const std::vector<std::string>& keys,
               const std::string& example);

    void RequireKeys(const std::vector<std::string>& keys) const;

    const nlohmann::json& json() const { return json_; }

    // What a key has; nullptr when it is not there, or null.
    const nlohmann::json* Find(const std::string& key) const;
    // The following return nothing when Find() does, and throw UserError when the value is of another kind. A
    // hint says what to give instead.
    std::optional<std::string> Text(const std::string& key, const std::string& hint = "") const;
    std::optional<bool> Boolean(const std::string& key) const;
    std::optional<double> Number(const std::string& key, double low, double high,
                                 const std::string& hint = "") const;
    std::optional<Moment> Time(const std::string& key) const;
    // Throw UserError 54000 when it has more than `longest` elements or keys.
    const nlohmann::json* List(const std::string& key,
                               size_t longest = std::numeric_limits<size_t>::max()) const;
    const nlohmann::json* Object(const std::string& key,
                                 size_t longest = std::numeric_limits<size_t>::max()) const;

    // How messages call a key: "key", or rules[0].key
    std::string Place(const std::string& key) const;
    // Throw UserError about a value: `what` follows its place, as in "must be a rule".
    [[noreturn]] void Refuse(const std::string& key, const std::string& what,
                             const std::string& hint = "") const;
    [[noreturn]] void Fail(const std::string& message, const std::string& detail = "",
                           const std::string& hint = "") const;

  private:
    const nlohmann::json& json_;
    JsonPlace place_;
};

}  // namespace pulse
