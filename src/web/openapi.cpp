#include "pulse/web/openapi.hpp"

#include <map>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/web/answer.hpp"
#include "pulse/web/route.hpp"

namespace pulse::web {

namespace {

using nlohmann::json;

bool IsPublished(const Route& route) {
    return !route.path.starts_with("/gateway/");
}

// "/flags/{key...}" is "/flags/{key}" in OpenAPI, which has no word for the rest of a path.
std::string PathOf(const Route& route) {
    std::string path(route.path);
    const size_t dots = path.find("...}");
    if (dots != std::string::npos) path.erase(dots, 3);
    return path;
}

json TypeSchema(Type type) {
    switch (type) {
        case Type::kId: return {{"type", "string"}, {"pattern", "^[0-9]+$"}};
        case Type::kInteger: return {{"type", "integer"}};
        case Type::kNumber: return {{"type", "number"}};
        case Type::kBoolean: return {{"type", "boolean"}};
        case Type::kTime: return {{"type", "string"}, {"format", "date-time"}};
        case Type::kTexts: return {{"type", "array"}, {"items", {{"type", "string"}}}};
        case Type::kJson: return json::object();
        case Type::kText: break;
    }
    return {{"type", "string"}};
}

json SchemaOf(const Parameter& parameter) {
    json schema = TypeSchema(parameter.type);
    if (parameter.type == Type::kInteger && parameter.least != INT64_MIN) schema["minimum"] = parameter.least;
    if (parameter.type == Type::kInteger && parameter.most != INT64_MAX) schema["maximum"] = parameter.most;
    if (!parameter.fallback.empty())
        schema["default"] =
            parameter.type == Type::kText ? json(parameter.fallback) : ParseJsonOrDiscard(parameter.fallback);
    for (std::string_view words = parameter.one_of; !words.empty();) {
        const size_t comma = std::min(words.find(", "), words.size());
        schema["enum"].push_back(words.substr(0, comma));
        words.remove_prefix(std::min(comma + 2, words.size()));
    }
    return schema;
}

json BodyOfRequest(const Route& route) {
    json properties = json::object(), required = json::array();
    bool any = false;
    for (const Parameter& parameter : route.parameters) {
        if (parameter.in == In::kWholeBody || parameter.in == In::kText || parameter.in == In::kEvent)
            return {{"required", true}, {"content", {{"application/json", {{"schema", json::object()}}}}}};
        if (parameter.in != In::kBody) continue;
        any = true;
        properties[std::string(parameter.name)] = SchemaOf(parameter);
        if (parameter.required) required.push_back(parameter.name);
    }
    if (!any) return nullptr;
    json schema = {{"type", "object"}, {"properties", properties}};
    if (!required.empty()) schema["required"] = required;
    return {{"required", !required.empty()}, {"content", {{"application/json", {{"schema", schema}}}}}};
}

json ParametersInHead(const Route& route) {
    json list = json::array();
    for (const Parameter& parameter : route.parameters)
        if (parameter.in == In::kPath || parameter.in == In::kQuery)
            list.push_back({{"name", parameter.name},
                            {"in", parameter.in == In::kPath ? "path" : "query"},
                            {"required", parameter.required || parameter.in == In::kPath},
                            {"schema", SchemaOf(parameter)}});
    return list;
}

json ResponsesOf(const Route& route) {
    json answers;
    json& success = answers[std::to_string(route.status)];
    success["description"] = route.summary;
    if (route.status != 204) success["content"][std::string(route.content_type)]["schema"] = json::object();
    if (route.tagged) answers["304"]["description"] = "The client has this answer";
    answers["default"] = {{"description", "An error, in the form of this family of routes"},
                          {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}};
    return answers;
}

json Operation(const Route& route) {
    json operation = {{"summary", route.summary},
                      {"tags", {Name(route.family)}},
                      {"responses", ResponsesOf(route)},
                      {"x-pulse-access", Name(route.access)},
                      {"x-pulse-read-only", route.read_only}};
    if (const json parameters = ParametersInHead(route); !parameters.empty())
        operation["parameters"] = parameters;
    if (const json body = BodyOfRequest(route); !body.is_null()) operation["requestBody"] = body;
    if (route.access == Access::kNone) operation["security"] = json::array();
    return operation;
}

std::string LowerMethod(std::string_view method) {
    std::string lower;
    for (const char c : method) lower += static_cast<char>(c | 0x20);
    return lower;
}

void AppendEscaped(std::string& page, std::string_view text) {
    for (const char c : text) {
        if (c == '&')
            page += "&amp;";
        else if (c == '<')
            page += "&lt;";
        else if (c == '>')
            page += "&gt;";
        else if (c == '"')
            page += "&quot;";
        else
            page += c;
    }
}

void AppendCell(std::string& page, const char* tag, std::string_view text) {
    page += std::string("<td><") + tag + ">";
    AppendEscaped(page, text);
    page += std::string("</") + tag + "></td>";
}

std::string ParameterList(const Route& route) {
    std::string list;
    for (const Parameter& parameter : route.parameters) {
        if (parameter.in != In::kQuery && parameter.in != In::kBody) continue;
        list += (list.empty() ? "" : ", ") + std::string(parameter.name) + (parameter.required ? "" : "?");
    }
    return list;
}

void AppendRow(std::string& page, const Route& route) {
    page += "<tr>";
    AppendCell(page, "code", std::string(route.method) + " " + std::string(route.path));
    AppendCell(page, "span", route.summary);
    AppendCell(page, "span", Name(route.access));
    AppendCell(page, "code", ParameterList(route));
    std::string functions;
    for (const std::string& name : FunctionsOf(route)) functions += (functions.empty() ? "" : ", ") + name;
    AppendCell(page, "code", functions);
    page += "</tr>\n";
}

}  // namespace

std::string OpenApi(const std::string& url, const std::string& version) {
    json paths = json::object();
    for (const Route& route : Routes())
        if (IsPublished(route)) paths[PathOf(route)][LowerMethod(route.method)] = Operation(route);
    const json document = {
        {"openapi", "3.1.0"},
        {"info", {{"title", "Pulse"}, {"version", version}}},
        {"servers", {{{"url", url.empty() ? "/" : url}}}},
        {"security", {{{"key", json::array()}}}},
        {"components", {{"securitySchemes", {{"key", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
        {"paths", paths}};
    return DumpJson(document);
}

std::string RoutesPage(const std::string& version) {
    std::map<Family, std::string> tables;
    for (const Route& route : Routes())
        if (IsPublished(route)) AppendRow(tables[route.family], route);
    std::string page =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Pulse: routes</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>"
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1f2937}"
        "table{border-collapse:collapse;width:100%;margin-bottom:2rem}"
        "td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #e5e7eb}"
        "code{font:13px ui-monospace,monospace}</style></head><body>\n<h1>Pulse ";
    AppendEscaped(page, version);
    page +=
        "</h1>\n<p>Send an API key as <code>Authorization: Bearer KEY</code>. "
        "<a href=\"/openapi.json\">openapi.json</a> describes the same for programs. A parameter with ? may be left "
        "out.</p>\n";
    for (const auto& [family, rows] : tables)
        page += std::string("<h2>") + Name(family) +
                "</h2>\n<table><tr><th>Route</th><th>What it does</th><th>Key</th><th>Query and body</th>"
                "<th>Functions</th></tr>\n" +
                rows + "</table>\n";
    return page + "</body></html>\n";
}

}  // namespace pulse::web
