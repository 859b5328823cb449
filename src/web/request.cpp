#include "pulse/web/request.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pulse/base/utf8.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::web {

namespace {

bool SameWord(std::string_view one, std::string_view other) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view TrimBlanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// The credentials of an Authorization header with this scheme.
std::optional<std::string> Credentials(std::string_view header, std::string_view scheme) {
    if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
    if (!SameWord(header.substr(0, scheme.size()), scheme)) return std::nullopt;
    return std::string(TrimBlanks(header.substr(scheme.size() + 1)));
}

// The user of Basic credentials: Segment's libraries send the key as user without a password.
std::optional<std::string> BasicUser(std::string_view header) {
    const std::optional<std::string> encoded = Credentials(header, "Basic");
    const std::optional<std::string> pair = encoded ? delivery::FromBase64(*encoded) : std::nullopt;
    if (!pair) return std::nullopt;
    return pair->substr(0, pair->find(':'));
}

std::optional<std::string> KeyInHeaders(const Request& request) {
    const std::string_view authorization = request.Header("authorization");
    if (std::optional<std::string> bearer = Credentials(authorization, "Bearer")) return bearer;
    if (std::optional<std::string> user = BasicUser(authorization)) return user;
    for (const char* name : {"x-api-key", "x-write-key"}) {
        const std::string_view value = request.Header(name);
        if (!value.empty()) return std::string(value.substr(0, value.find(':')));
    }
    return std::nullopt;
}

[[noreturn]] void RefuseValue(const Parameter& parameter, const std::string& text,
                              const std::string& wanted) {
    throw Refusal(400, "invalid value of \"" + std::string(parameter.name) + "\"",
                  "It is \"" + Shorten(text, 100) + "\"; " + wanted + ".");
}

std::string CheckInteger(const Parameter& parameter, const std::string& text) {
    int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) RefuseValue(parameter, text, "an integer is expected");
    if (number < parameter.least || number > parameter.most)
        RefuseValue(parameter, text,
                    "it must be between " + std::to_string(parameter.least) + " and " +
                        std::to_string(parameter.most));
    return std::to_string(number);
}

std::string CheckWord(const Parameter& parameter, const std::string& text) {
    std::string_view words = parameter.one_of;
    if (words.empty()) return text;
    while (!words.empty()) {
        const size_t comma = std::min(words.find(", "), words.size());
        if (words.substr(0, comma) == text) return text;
        words.remove_prefix(std::min(comma + 2, words.size()));
    }
    RefuseValue(parameter, text, "one of " + std::string(parameter.one_of) + " is expected");
}

std::string CheckId(const Parameter& parameter, const std::string& text) {
    const bool digits =
        !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits && parameter.in == In::kPath) throw Refusal(404, "not found");
    return digits ? text : CheckInteger(parameter, text);
}

std::string CheckNumber(const Parameter& parameter, const std::string& text) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end || !std::isfinite(number))
        RefuseValue(parameter, text, "a number is expected");
    return text;
}

std::string CheckBoolean(const Parameter& parameter, const std::string& text) {
    for (const char* word : {"true", "1", "yes"})
        if (SameWord(text, word)) return "true";
    for (const char* word : {"false", "0", "no"})
        if (SameWord(text, word)) return "false";
    RefuseValue(parameter, text, "true or false is expected");
}

const Pairs::value_type* Find(const Pairs& pairs, std::string_view name) {
    const auto found =
        std::find_if(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == name; });
    return found == pairs.end() ? nullptr : &*found;
}

// Whether the origin may read answers, apart from what its key says.
bool MayRead(const Request& request, std::string_view origin) {
    return !origin.empty() && (!request.origins || MatchesOrigin(*request.origins, origin));
}

}  // namespace

std::string_view Request::Header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<PresentedKey> FindPresentedKey(const Request& request, const Pairs& query) {
    if (std::optional<std::string> key = KeyInHeaders(request)) return PresentedKey{*key, false};
    for (const char* name : {"apiKey", "api_key", "writeKey"})
        if (const std::string* key = FindValue(query, name)) return PresentedKey{*key, true};
    return std::nullopt;
}

bool Allows(KeyKind kind, Access access) {
    switch (access) {
        case Access::kNone: return true;
        case Access::kSend: return kind != KeyKind::kRead;
        case Access::kDecide: return true;
        case Access::kRead: return kind != KeyKind::kPublic;
        case Access::kWrite: return kind == KeyKind::kWrite || kind == KeyKind::kAdmin;
        case Access::kAdmin: return kind == KeyKind::kAdmin;
    }
    return false;
}

const std::string* FindValue(const Pairs& pairs, std::string_view name) {
    const auto* pair = Find(pairs, name);
    return pair ? &pair->second : nullptr;
}

bool MatchesOrigin(const std::vector<std::string>& allowed, std::string_view origin) {
    const std::string wanted = LowerUtf8(origin);
    return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
        const size_t star = one.find("://*.");
        if (star == std::string::npos) return one == wanted;
        // https://*.example.com is every host below that name.
        const std::string_view scheme = std::string_view(one).substr(0, star + 3);
        const std::string_view below = std::string_view(one).substr(star + 4);
        return wanted.starts_with(scheme) && wanted.ends_with(below) &&
               wanted.size() > scheme.size() + below.size();
    });
}

void AddCorsHeaders(const Request& request, Answer& answer) {
    const std::string_view origin = request.Header("origin");
    if (request.origins) answer.headers.emplace_back("vary", "Origin");
    if (!MayRead(request, origin)) return;
    answer.headers.emplace_back("access-control-allow-origin", request.origins ? std::string(origin) : "*");
    answer.headers.emplace_back("access-control-expose-headers", "ETag, Retry-After, X-Request-Id");
}

Answer PreflightAnswer(const Request& request, const std::vector<std::string_view>& methods) {
    std::string list = "OPTIONS";
    for (const std::string_view method : methods) {
        list += ", " + std::string(method);
        if (method == "GET") list += ", HEAD";
    }
    Answer answer{204, {{"allow", list}}, ""};
    if (!MayRead(request, request.Header("origin"))) return answer;
    answer.headers.emplace_back("access-control-allow-methods", list);
    answer.headers.emplace_back("access-control-allow-headers",
                                "authorization, content-type, content-encoding, x-write-key, x-api-key, "
                                "if-none-match, last-event-id, x-request-id");
    answer.headers.emplace_back("access-control-max-age", "86400");
    return answer;
}

std::string EntityTag(std::string_view body) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string tag = "\"";
    for (const char byte : Digest(body).substr(0, 16)) {
        tag += kDigits[static_cast<unsigned char>(byte) >> 4];
        tag += kDigits[static_cast<unsigned char>(byte) & 15];
    }
    return tag + "\"";
}

bool MatchesTag(std::string_view if_none_match, std::string_view tag) {
    const auto bare = [](std::string_view text) {
        text = TrimBlanks(text);
        if (text.starts_with("W/")) text.remove_prefix(2);
        if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
            text = text.substr(1, text.size() - 2);
        return text;
    };
    while (!if_none_match.empty()) {
        const size_t comma = std::min(if_none_match.find(','), if_none_match.size());
        const std::string_view one = bare(if_none_match.substr(0, comma));
        if (one == "*" || one == bare(tag)) return true;
        if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
    }
    return false;
}

std::string CheckValue(const Parameter& parameter, const std::string& text) {
    switch (parameter.type) {
        case Type::kId: return CheckId(parameter, text);
        case Type::kInteger: return CheckInteger(parameter, text);
        case Type::kNumber: return CheckNumber(parameter, text);
        case Type::kBoolean: return CheckBoolean(parameter, text);
        case Type::kText: return CheckWord(parameter, text);
        case Type::kTime:
        case Type::kJson:
        case Type::kTexts: break;
    }
    return text;
}

std::vector<std::optional<std::string>> ReadParameters(const Route& route,
                                                       const std::vector<std::string>& in_path,
                                                       const Pairs& query) {
    std::vector<std::optional<std::string>> values;
    size_t place = 0;
    for (const Parameter& parameter : route.parameters) {
        std::optional<std::string> value;
        if (parameter.in == In::kPath) {
            value = in_path.at(place);
            ++place;
        } else if (parameter.in == In::kQuery) {
            const std::string* given = FindValue(query, parameter.name);
            if (!given && !parameter.synonym.empty()) given = FindValue(query, parameter.synonym);
            if (given && !(parameter.required && given->empty())) value = *given;
        }
        values.push_back(value ? std::optional(CheckValue(parameter, *value)) : std::nullopt);
    }
    return values;
}

std::string WithType(std::string_view event, std::string_view type) {
    const size_t brace = event.find('{');
    if (brace == std::string_view::npos) return std::string(event);
    const size_t next = event.find_first_not_of(" \t\r\n", brace + 1);
    const bool empty = next != std::string_view::npos && event[next] == '}';
    // Of two members with the same name the last one counts.
    return std::string(event.substr(0, brace + 1)) + "\"type\":\"" + std::string(type) + "\"" +
           (empty ? "" : ",") + std::string(event.substr(brace + 1));
}

}  // namespace pulse::web
