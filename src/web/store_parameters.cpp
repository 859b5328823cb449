// The parameters of a route's statement, from the path, the query and the body of a request.
#include "pulse/web/store_parameters.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/web/console.hpp"

namespace pulse::web {

namespace {

using pg::Value;

const pg::JsonbReader& Reader() {
    static const pg::JsonbReader reader;
    return reader;
}

Oid SqlType(Type type) {
    switch (type) {
        case Type::kText: return TEXTOID;
        case Type::kId:
        case Type::kInteger: return INT8OID;
        case Type::kNumber: return FLOAT8OID;
        case Type::kBoolean: return BOOLOID;
        case Type::kTime: return TIMESTAMPTZOID;
        case Type::kJson: return JSONBOID;
        case Type::kTexts: return TEXTARRAYOID;
    }
    return TEXTOID;
}

[[noreturn]] void RefuseMember(const Parameter& parameter, const json::Value& found, const char* wanted) {
    throw Refusal(400, "\"" + std::string(parameter.name) + "\" is " + json::Describe(found.type),
                  std::string("It must be ") + wanted + ".");
}

// A text by the input function of a type: what is wrong with it is PostgreSQL's error.
Value FromInput(const std::string& text, Oid type) {
    return {type, pg::Call([&] {
                Oid input = InvalidOid, element = InvalidOid;
                getTypeInputInfo(type, &input, &element);
                return OidInputFunctionCall(input, pstrdup(text.c_str()), element, -1);
            }),
            false};
}

std::string TextOf(const json::Value& value) {
    if (value.Is(json::Type::kText)) return std::string(value.text);
    if (value.Is(json::Type::kNumber)) return Reader().Number(value);
    return value.boolean ? "true" : "false";
}

Value TextsOf(const Parameter& parameter, const json::Value& found) {
    std::vector<std::string> texts;
    if (found.Is(json::Type::kText)) return Value::Texts({std::string(found.text)});
    if (!found.Is(json::Type::kArray)) RefuseMember(parameter, found, "an array of texts");
    for (size_t i = 0; i < Reader().Count(found); ++i) {
        const json::Value element = Reader().Element(found, i);
        if (element.IsContainer() || !element.Given()) RefuseMember(parameter, found, "an array of texts");
        texts.push_back(TextOf(element));
    }
    return Value::Texts(texts);
}

Value FromMember(const Parameter& parameter, const json::Value& found) {
    if (parameter.type == Type::kJson) return {JSONBOID, pg::CutOut(found), false};
    if (parameter.type == Type::kTexts) return TextsOf(parameter, found);
    if (found.IsContainer()) RefuseMember(parameter, found, "a single value");
    const std::string text = CheckValue(parameter, TextOf(found));
    return parameter.type == Type::kText ? Value::Text(text) : FromInput(text, SqlType(parameter.type));
}

Value FromText(const Parameter& parameter, const std::string& text) {
    if (parameter.type == Type::kText) return Value::Text(text);
    if (parameter.type == Type::kTexts) return Value::Texts({text});
    return FromInput(text, SqlType(parameter.type));
}

std::string KnownOf(const Request& request, std::string_view name, const std::optional<FoundKey>& key) {
    if (name == "kind") return key ? Name(key->kind) : "";
    if (name == "key_name") return key ? key->name : "";
    if (name == "session") return SessionToken(request.Header("cookie")).value_or("");
    if (name == "scheme") return request.tls ? "https" : "http";
    if (name == "source") return key && key->source ? *key->source : "http";
    if (name == "path") return request.path;
    if (name == "last_event_id") return std::string(request.Header("last-event-id"));
    if (name == "proof") return key ? key->proof : "";
    if (name == "address") return request.address;
    if (name == "accept") return std::string(request.Header("accept"));
    if (name == "service") return request.path.substr(1, request.path.find('/', 1) - 1);
    const std::string_view host = request.Header("host");
    return host.empty() ? "" : (request.tls ? "https://" : "http://") + std::string(host);
}

void CheckText(const std::string& text) {
    if (ValidUtf8(text) != text.size())
        throw Refusal(400, "the body is not UTF-8 text", "A NUL is not text either.");
}

std::vector<std::string> ReadTexts(const std::string& body) {
    const pg::Json list = ParseJsonOrDiscard(body);
    const auto is_text = [](const pg::Json& text) { return text.is_string(); };
    if (!list.is_array() || list.empty() || !std::all_of(list.begin(), list.end(), is_text))
        throw Refusal(400, "the body of several requests is not an array of texts");
    return list.get<std::vector<std::string>>();
}

// The value of one parameter; `given` is what path or query have.
Value ReadValue(const Request& request, const Parameter& parameter, const std::optional<std::string>& given,
                RequestBody& body, const std::optional<FoundKey>& key) {
    if (given) return FromText(parameter, *given);
    switch (parameter.in) {
        case In::kWholeBody: return {JSONBOID, body.Json(), false};
        case In::kText: return Value::Text(body.text());
        case In::kEvent: {
            std::vector<std::string> events;
            for (const std::string& text : body.texts()) events.push_back(WithType(text, parameter.name));
            return Value::Texts(events);
        }
        case In::kRequest: return Value::Text(KnownOf(request, parameter.name, key));
        case In::kBody: {
            json::Value found = body.Member(parameter.name);
            if (!found.Given() && !parameter.synonym.empty()) found = body.Member(parameter.synonym);
            if (found.Given()) return FromMember(parameter, found);
            break;
        }
        case In::kPath:
        case In::kQuery: break;
    }
    if (parameter.required) throw Refusal(400, "\"" + std::string(parameter.name) + "\" is missing");
    if (!parameter.fallback.empty()) return FromText(parameter, std::string(parameter.fallback));
    return Value::Null(SqlType(parameter.type));
}

}  // namespace

RequestBody::RequestBody(const Request& request) : text_(request.body) {
    CheckText(text_);
    if (!request.folded) return;
    texts_ = ReadTexts(text_);
    for (const std::string& text : texts_) CheckText(text);
}

Datum RequestBody::Json() {
    if (!parsed_) {
        parsed_ = pg::ParseSentJson(text_.find_first_not_of(" \t\r\n") == std::string::npos ? "{}" : text_);
        if (!parsed_) throw Refusal(400, std::string(kNotJson));
    }
    return *parsed_;
}

json::Value RequestBody::Member(std::string_view name) {
    const json::Value root = pg::Root(Json());
    if (!root.Is(json::Type::kObject)) throw Refusal(400, "the body is not a JSON object");
    return Reader().Get(root, name);
}

std::vector<pg::Value> ReadValues(const Request& request, const RouteMatch& match, const Pairs& query,
                                  RequestBody& body, const std::optional<FoundKey>& key) {
    const std::vector<std::optional<std::string>> given = ReadParameters(*match.route, match.values, query);
    std::vector<Value> values;
    for (size_t i = 0; i < given.size(); ++i)
        values.push_back(ReadValue(request, match.route->parameters[i], given[i], body, key));
    return values;
}

}  // namespace pulse::web
