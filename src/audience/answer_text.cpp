#include "answer_text.hpp"

#include <charconv>
#include <cmath>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/delivery/escape.hpp"

namespace pulse::audience {

namespace {

using nlohmann::json;

constexpr size_t kLongestText = 200;
constexpr double kLargestWhole = 9e15;

const json& Null() {
    static const json null;
    return null;
}

bool IsDigits(const std::string& text) {
    return text.find_first_not_of("0123456789") == std::string::npos;
}

// Replaces *** that stands for a number by null.
std::string WithoutMasks(const std::string& body) {
    std::string result;
    bool quoted = false;
    for (size_t i = 0; i < body.size(); ++i) {
        if (quoted && body[i] == '\\' && i + 1 < body.size()) {
            result += body[i];
            result += body[++i];
            continue;
        }
        if (body[i] == '"') quoted = !quoted;
        if (!quoted && body.compare(i, 3, "***") == 0) {
            result += "null";
            i += 2;
            continue;
        }
        result += body[i];
    }
    return result;
}

// Depth is limited: what is printed or copied recurses.
json Parse(const std::string& text) {
    try {
        return ParseJson(text);
    } catch (const std::exception&) {
        return json(json::value_t::discarded);
    }
}

}  // namespace

json ReadBody(const std::string& body, bool* readable) {
    json value = Parse(body);
    if (value.is_discarded() && body.find("***") != std::string::npos) value = Parse(WithoutMasks(body));
    if (readable) *readable = value.is_object();
    return value.is_object() ? value : json::object();
}

const json& At(const json& value, std::initializer_list<const char*> path) {
    const json* at = &value;
    for (const char* key : path) {
        if (!at->is_object()) return Null();
        const auto found = at->find(key);
        if (found == at->end()) return Null();
        at = &*found;
    }
    return *at;
}

std::string TextAt(const json& value, std::initializer_list<const char*> path) {
    const json& at = At(value, path);
    if (at.is_string()) return delivery::Clean(at.get_ref<const std::string&>(), kLongestText);
    return at.is_number_integer() ? DumpJson(at) : "";
}

std::optional<int64_t> WholeAt(const json& value, std::initializer_list<const char*> path) {
    const std::optional<double> number = NumberAt(value, path);
    if (!number || std::abs(*number) > kLargestWhole) return std::nullopt;
    return static_cast<int64_t>(*number);
}

std::optional<double> NumberAt(const json& value, std::initializer_list<const char*> path) {
    const json& at = At(value, path);
    if (at.is_number()) {
        const double number = at.get<double>();
        return std::isfinite(number) ? std::optional(number) : std::nullopt;
    }
    if (!at.is_string()) return std::nullopt;
    const std::string& text = at.get_ref<const std::string&>();
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
        return std::nullopt;
    return number;
}

bool FlagAt(const json& value, std::initializer_list<const char*> path) {
    const json& at = At(value, path);
    return at.is_boolean() && at.get<bool>();
}

const json& FirstAt(const json& value, std::initializer_list<const char*> path) {
    const json& at = At(value, path);
    if (at.is_array()) return at.empty() ? Null() : at.front();
    return at;
}

bool Mentions(const std::string& text, std::string_view part) {
    return LowerUtf8(text).find(LowerUtf8(part)) != std::string::npos;
}

Answer Say(Outcome outcome, std::string reason, int64_t wait) {
    Answer answer;
    answer.outcome = outcome;
    answer.reason = std::move(reason);
    answer.wait = wait;
    return answer;
}

Answer SayBlocked(Platform platform, Need need, std::string reason) {
    Answer answer = Say(Outcome::kBlocked, std::move(reason));
    answer.advice = AdviceFor(platform, need);
    return answer;
}

Answer ByStatus(Platform platform, const http::Response& response, const std::string& said) {
    const int status = response.status;
    const std::string name = Title(platform);
    const auto reason = [&](const std::string& what) {
        return http::Reason((name + " " + what).c_str(), status, said);
    };
    if (status >= 200 && status < 300) return Say(Outcome::kDone, "");
    if (status == 401) return Say(Outcome::kRenewToken, reason("did not accept the access token"));
    if (status == 429) return Say(Outcome::kThrottled, reason("gets too many requests"));
    if (status == 408 || status == 425 || (status >= 500 && status != 501 && status != 505))
        return Say(Outcome::kRetry, reason("reported a temporary error"));
    if (status == 402) return SayBlocked(platform, Need::kAccount, reason("wants the account to be paid"));
    if (status == 403) return SayBlocked(platform, Need::kPermission, reason("does not allow this"));
    if (status == 404) return Say(Outcome::kRefused, reason("does not know this address"));
    if (status == 410) return Say(Outcome::kGone, reason("does not have this audience any more"));
    if (status >= 300 && status < 400)
        return Say(Outcome::kRefused, reason("sent a redirect, which is not followed"));
    if (status < 200) return Say(Outcome::kRetry, reason("gave no complete answer"));
    return Say(Outcome::kRefused, reason("refused the request"));
}

std::string FindByName(const json& list, const std::string& name, const char* name_key, const char* id_key,
                       const char* inside) {
    if (!list.is_array()) return "";
    const std::string wanted = delivery::Clean(name, kLongestText);
    std::string found;
    // Of several with this name the newest is the one that was just created: ids of digits rise.
    const auto newer = [&](const std::string& id) {
        return found.empty() || (IsDigits(id) && IsDigits(found) &&
                                 (id.size() != found.size() ? id.size() > found.size() : id > found));
    };
    for (const json& each : list) {
        const json& object = inside ? At(each, {inside}) : each;
        if (TextAt(object, {name_key}) != wanted) continue;
        if (const std::string id = TextAt(object, {id_key}); newer(id)) found = id;
    }
    return found;
}

}  // namespace pulse::audience
