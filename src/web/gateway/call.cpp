#include "pulse/web/gateway/call.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/web/gateway/log_line.hpp"

namespace pulse::web::gateway {

namespace {

using nlohmann::json;

// The gateway has dealt with these.
bool IsConsumed(std::string_view name) {
    return name == "connection" || name == "content-encoding" || name == "content-length" ||
           name == "expect" || name == "transfer-encoding";
}

std::string TextOf(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<Headers> ReadHeaders(std::string_view text) {
    Headers headers;
    if (text.empty() || text == "{}") return headers;
    const json object = ParseJsonOrDiscard(text);
    if (object.is_null()) return headers;
    if (!object.is_object()) return std::nullopt;
    for (const auto& [name, value] : object.items()) {
        // An array repeats a header: Set-Cookie cannot be joined.
        const json values = value.is_array() ? value : json::array({value});
        for (const json& one : values) {
            if (one.is_null()) continue;
            headers.emplace_back(name, one.is_string() ? one.get<std::string>() : DumpJson(one));
        }
    }
    return headers;
}

void ReadInfo(const json& info, CallAnswer& answer) {
    answer.route = TextOf(info, "route");
    if (const auto next = info.find("next"); next != info.end() && next->is_string())
        answer.next = next->get<std::string>();
    if (const auto refused = info.find("refused"); refused != info.end()) answer.refused = *refused == true;
    if (const auto stream = info.find("stream"); stream != info.end())
        answer.live = !stream->is_null() && *stream != false;
    const auto key = info.find("key");
    if (key == info.end() || !key->is_object()) return;
    const auto id = key->find("id");
    if (id == key->end() || !id->is_number_integer()) return;
    answer.key = KnownKey{id->get<int64_t>(), TextOf(*key, "name"), std::nullopt};
    const auto rate = key->find("rate");
    if (rate != key->end() && rate->is_number_integer() && rate->get<int64_t>() > 0)
        answer.key->rate = rate->get<int64_t>();
}

}  // namespace

std::string HeadersJson(const Headers& headers) {
    std::string object = "{";
    for (const auto& [name, value] : headers) {
        if (IsConsumed(name)) continue;
        if (object.size() > 1) object += ',';
        AppendQuoted(object, name);
        object += ':';
        AppendQuoted(object, value);
    }
    return object + "}";
}

std::string ClientJson(const Client& client, std::string_view request, const std::vector<std::string>& cors,
                       const std::vector<std::pair<int64_t, int64_t>>& exhausted) {
    std::string object = "{\"address\":";
    AppendQuoted(object, client.address.Text());
    object += client.tls ? ",\"tls\":true,\"request\":" : ",\"tls\":false,\"request\":";
    AppendQuoted(object, request);
    if (!cors.empty()) {
        object += ",\"cors\":[";
        for (const std::string& origin : cors) {
            if (!object.ends_with('[')) object += ',';
            AppendQuoted(object, origin);
        }
        object += ']';
    }
    if (!exhausted.empty()) {
        object += ",\"exhausted\":{";
        for (const auto& [key, seconds] : exhausted) {
            if (!object.ends_with('{')) object += ',';
            object += "\"" + std::to_string(key) + "\":" + std::to_string(seconds);
        }
        object += '}';
    }
    return object + "}";
}

std::optional<CallAnswer> ReadAnswer(int status, std::string_view headers, std::string_view body,
                                     std::string_view info) {
    if (status < 200 || status > 599) return std::nullopt;
    CallAnswer answer;
    answer.status = status;
    std::optional<Headers> read = ReadHeaders(headers);
    if (!read) return std::nullopt;
    answer.headers = std::move(*read);
    answer.body = body;
    if (!info.empty() && info != "{}") {
        const json object = ParseJsonOrDiscard(info);
        if (object.is_object()) ReadInfo(object, answer);
    }
    return answer;
}

}  // namespace pulse::web::gateway
