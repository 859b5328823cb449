// SQL functions behind the gateway.
#include <charconv>
#include <nlohmann/json.hpp>

#include "pulse/base/utf8.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/remote.hpp"
#include "pulse/web/console.hpp"
#include "pulse/web/openapi.hpp"
#include "pulse/web/store_http.hpp"

namespace pulse::web {

namespace {

// What the gateway knows of the client, in the form of doc/web.md.
void ReadClient(const pg::Json& client, Request& request) {
    if (!client.is_object()) ThrowInvalid("\"client\" must be a JSON object");
    const auto text = [&](const char* name) {
        const auto found = client.find(name);
        return found != client.end() && found->is_string() ? found->get<std::string>() : "";
    };
    request.address = text("address");
    request.id = text("request");
    request.tls = client.value("tls", pg::Json()) == true;
    request.from_gateway = client.value("gateway", pg::Json()) == true;
    request.folded = client.value("folded", pg::Json()) == true;
    const pg::Json exhausted = client.value("exhausted", pg::Json());
    if (!exhausted.is_null() && !exhausted.is_object())
        ThrowInvalid("\"exhausted\" must be an object with ids of keys and seconds");
    for (const auto& [key, seconds] : exhausted.items()) {
        int64_t id = 0;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (error != std::errc() || end != key.data() + key.size() || !seconds.is_number_integer())
            ThrowInvalid("\"exhausted\" must be an object with ids of keys and seconds");
        request.exhausted[id] = seconds.get<int64_t>();
    }
    const auto cors = client.find("cors");
    if (cors == client.end() || !cors->is_array()) return;
    request.origins.emplace();
    for (const pg::Json& origin : *cors)
        if (origin.is_string()) request.origins->push_back(origin.get<std::string>());
}

Request ReadRequest(const pg::Args& args) {
    Request request;
    request.method = args.RequireText(0, "method");
    request.path = args.RequireText(1, "path");
    request.query = args.Text(2).value_or("");
    if (const std::optional<pg::Json> headers = args.Jsonb(3)) {
        if (!headers->is_object()) ThrowInvalid("\"headers\" must be a JSON object");
        for (const auto& [name, value] : headers->items())
            if (value.is_string()) request.headers.emplace(name, value.get<std::string>());
    }
    if (!args.IsNull(4)) request.body = pg::ToBytes(args.Raw(4));
    if (const std::optional<pg::Json> client = args.Jsonb(5)) ReadClient(*client, request);
    const auto path = SplitPath(request.path);
    request.console = path && IsConsolePath(*path);
    return request;
}

pg::Json HeadersOf(const Answer& answer) {
    pg::Json headers = pg::Json::object();
    for (const auto& [name, value] : answer.headers) headers[name] = value;
    return headers;
}

pg::Json InfoOf(const Served& served) {
    pg::Json info = {{"route", std::string(served.route)}};
    if (served.key)
        info["key"] = {{"id", served.key->id},
                       {"name", served.key->name},
                       {"rate", served.key->rate ? pg::Json(*served.key->rate) : pg::Json()}};
    if (served.refused) info["refused"] = true;
    if (!served.next.empty()) info["next"] = served.next;
    if (served.stream) info["stream"] = true;
    return info;
}

// Empty for what no client gives.
std::string_view PlaceOf(const Parameter& parameter) {
    switch (parameter.in) {
        case In::kPath: return "path";
        case In::kQuery: return "query";
        case In::kBody: return "body";
        case In::kWholeBody:
        case In::kText:
        case In::kEvent:
        case In::kRequest: break;
    }
    return {};
}

pg::Json ParametersOf(const Route& route) {
    pg::Json list = pg::Json::array();
    for (const Parameter& parameter : route.parameters)
        if (!PlaceOf(parameter).empty())
            list.push_back({{"name", std::string(parameter.name)},
                            {"in", std::string(PlaceOf(parameter))},
                            {"type", Name(parameter.type)},
                            {"required", parameter.required || parameter.in == In::kPath}});
    return list;
}

}  // namespace

}  // namespace pulse::web

namespace pg = pulse::pg;
namespace web = pulse::web;
using pg::Value;

PULSE_FUNCTION(pulse_http) {
    static const pg::RecordType type(
        {{"status", INT4OID}, {"headers", JSONBOID}, {"body", BYTEAOID}, {"info", JSONBOID}});
    const web::Served served = web::Serve(web::ReadRequest(pg::Args(fcinfo)));
    return type.Make({Value::Int4(served.answer.status),
                      Value::Jsonb(web::HeadersOf(served.answer)),
                      {BYTEAOID, pg::FromBytes(served.answer.body), false},
                      Value::Jsonb(web::InfoOf(served))});
}

PULSE_FUNCTION(pulse_http_routes) {
    pg::ResultSet rows(fcinfo);
    for (const web::Route& route : web::Routes()) {
        if (route.path.starts_with("/gateway/")) continue;
        rows.Add({Value::Text(route.method), Value::Text(route.path), Value::Text(web::Name(route.family)),
                  Value::Text(web::Name(route.access)), Value::Bool(route.read_only),
                  Value::Texts(web::FunctionsOf(route)), Value::Jsonb(web::ParametersOf(route)),
                  Value::Text(route.summary)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_openapi) {
    return pg::FromText(web::OpenApi(pg::Args(fcinfo).Text(0).value_or(""), PULSE_VERSION));
}

PULSE_FUNCTION(pulse_routes_page) {
    return pg::FromText(web::RoutesPage(PULSE_VERSION));
}

PULSE_FUNCTION(pulse_version) {
    return pg::FromText(PULSE_VERSION);
}

PULSE_FUNCTION(pulse_http_next) {
    static const pg::RecordType type({{"body", BYTEAOID}, {"next", TEXTOID}});
    const auto [body, next] = web::NextSlice(pg::Args(fcinfo).RequireText(0, "token"));
    return type.Make({{BYTEAOID, pg::FromBytes(body), false}, Value::Text(next)});
}

PULSE_FUNCTION(pulse_connection_options) {
    using Options = std::vector<std::pair<std::string, std::string>>;
    std::string text = pg::Args(fcinfo).RequireText(0, "url");
    // Python's libraries name their driver: postgresql+psycopg://
    const size_t plus = text.find('+');
    if (text.starts_with("postgres") && plus < text.find("://")) text.erase(plus, text.find("://") - plus);
    pg::Json json = pg::Json::object();
    bool valid = true;
    for (const auto& [name, value] : pg::ParseConnectionString(text).value_or(Options())) {
        valid = valid && pulse::ValidUtf8(value) == value.size();
        json[name] = value;
    }
    if (!valid || !json.contains("dbname"))
        pulse::ThrowInvalid("the connection string is not valid", "",
                            "Write it as postgresql://user:password@host:5432/database?option=value, with "
                            "options of libpq such as sslmode.");
    return pg::FromJson(json);
}
