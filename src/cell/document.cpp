// The document of definitions: reading what users give, and writing the canonical form.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/cell/difference.hpp"

namespace pulse::cell {

namespace {

constexpr const char* kExampleDocument =
    R"json({"format": 1, "definitions": {"trait": {"spent": {"expression": "events.purchase.sum(total)"}}}})json";
constexpr size_t kLongestName = 255;  // characters

std::vector<std::string> KindNames() {
    std::vector<std::string> names;
    for (const DefinitionKind& kind : DefinitionKinds()) names.emplace_back(kind.name);
    return names;
}

std::string Place(const DefinitionKind& kind, const std::string& name) {
    return std::string(kind.name) + " " + InQuotes(Shorten(name, 80));
}

void CheckValue(const JsonObject& object, const DefinitionField& field) {
    const Json* value = object.Find(field.key);
    if (value == nullptr) return;
    using Type = DefinitionField::Type;
    switch (field.type) {
        case Type::kText:
            if (!value->is_string()) object.Refuse(field.key, "must be a text");
            break;
        case Type::kNumber:
            if (!value->is_number()) object.Refuse(field.key, "must be a number");
            break;
        case Type::kBoolean:
            if (!value->is_boolean()) object.Refuse(field.key, "must be true or false");
            break;
        case Type::kTexts:
            if (!value->is_array() ||
                !std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_string(); }))
                object.Refuse(field.key, "must be a list of texts");
            break;
        case Type::kJson: break;
    }
}

Json ReadDefinition(const DefinitionKind& kind, const std::string& name, const Json& json) {
    std::vector<std::string> keys;
    for (const DefinitionField& field : kind.fields) keys.emplace_back(field.key);
    const std::string place = Place(kind, name);
    if (name.empty() || CountCharacters(name) > kLongestName)
        ThrowInvalid(std::string("a name of a ") + kind.name + " has from 1 to 255 characters",
                     "It is " + InQuotes(Shorten(name, 80)) + ".");
    if (*kind.name_argument == '\0' && name != kind.name)
        ThrowInvalid(std::string("there is one definition of kind ") + kind.name,
                     "Its name is not " + InQuotes(Shorten(name, 80)) + ".",
                     "Give {\"" + std::string(kind.name) + "\": {\"" + kind.name + "\": {…}}}.");
    const JsonObject object(json, {place, {}, "In " + place + "."}, keys, "{\"" + keys.front() + "\": …}");
    for (const DefinitionField& field : kind.fields) {
        CheckValue(object, field);
        if (field.required && object.Find(field.key) == nullptr)
            object.Fail(place + " has no \"" + field.key + "\"", "",
                        "Take one from pulse_export_definitions() as a model.");
    }
    if (DumpJson(json).size() > kLargestDefinition)
        throw UserError(sqlstate::kProgramLimit, place + " is too large", "It has more than 2 MB.");
    return Canonical(kind, json);
}

}  // namespace

Json Canonical(const DefinitionKind& kind, Json definition) {
    Json canonical = Json::object();
    for (const DefinitionField& field : kind.fields) {
        const auto found = definition.find(field.key);
        if (found == definition.end() || found->is_null()) continue;
        if (field.absent != nullptr && *found == ParseJson(field.absent)) continue;
        canonical[field.key] = std::move(*found);
    }
    return canonical;
}

Json WriteDocument(const Definitions& definitions, const std::vector<std::string>& kinds) {
    const std::vector<std::string> valid = KindNames();
    for (const std::string& kind : kinds)
        if (std::find(valid.begin(), valid.end(), kind) == valid.end())
            ThrowInvalid("unknown kind of definitions " + InQuotes(Shorten(kind, 80)), "",
                         SuggestName(kind, valid, "Kinds"));
    Json written = Json::object();
    for (const std::string& kind : valid) {
        if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
        Json& names = written[kind] = Json::object();
        const auto found = definitions.find(kind);
        if (found == definitions.end()) continue;
        for (const auto& [name, definition] : found->second)
            if (!definition.retired) names[name] = definition.json;
    }
    return {{"format", 1}, {"definitions", std::move(written)}};
}

Definitions ReadDocument(const Json& document) {
    const JsonObject outer(document, {"the document"}, {"format", "definitions"}, kExampleDocument);
    const Json* format = outer.Find("format");
    if (format == nullptr || *format != Json(1))
        outer.Fail("the document is not of format 1",
                   "Its format is " + (format ? Shorten(DumpJson(*format), 80) : "missing") + ".",
                   "Give a document that pulse_export_definitions() of this version of Pulse wrote.");
    const Json* given = outer.Object("definitions");
    if (given == nullptr)
        outer.Fail("the document has no \"definitions\"", "", std::string("Give ") + kExampleDocument + ".");
    Definitions definitions;
    size_t count = 0;
    for (const auto& item : given->items()) {
        const DefinitionKind* kind = FindDefinitionKind(item.key());
        if (kind == nullptr)
            ThrowInvalid("unknown kind of definitions " + InQuotes(Shorten(item.key(), 80)), "",
                         SuggestName(item.key(), KindNames(), "Kinds"));
        const JsonObject names(item.value(), {std::string("definitions.") + kind->name},
                               "{\"" + std::string(kind->name) + "\": {\"name\": {…}}}");
        count += item.value().size();
        if (count > kMostDefinitions)
            throw UserError(sqlstate::kProgramLimit, "the document has too many definitions",
                            "At most " + std::to_string(kMostDefinitions) + " are allowed.",
                            "Apply kinds one after the other: pulse_export_definitions('{trait}').");
        std::map<std::string, Definition>& read = definitions[item.key()];
        for (const auto& one : item.value().items())
            read[one.key()].json = ReadDefinition(*kind, one.key(), one.value());
    }
    return definitions;
}

}  // namespace pulse::cell
