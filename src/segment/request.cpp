#include "pulse/segment/request.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/segment/keys.hpp"

namespace pulse::segment {

namespace {

std::optional<std::string> ReadText(const JsonObject& definition, const char* key) {
    const std::optional<std::string> text = definition.Text(key);
    if (text && text->find_first_not_of(" \t\r\n\f\v") == std::string::npos)
        ThrowInvalid(InQuotes(key) + " must not be empty", "",
                     "Give " + InQuotes(key) + " a value, or leave it out.");
    return text;
}

AttributeRequest ReadAttribute(const Json& item) {
    constexpr const char* kHint =
        "An attribute is a column's name, or an object such as {\"name\": \"ltv\", \"kind\": \"numeric\"}.";
    AttributeRequest attribute;
    if (item.is_string()) {
        attribute.name = item.get<std::string>();
    } else if (item.is_object()) {
        JsonObject(item, {"an attribute", {}, {}, &KeysElsewhere()}, "").RequireKeys({"name", "kind"});
        if (!item.contains("name") || !item["name"].is_string())
            ThrowInvalid("an attribute needs a \"name\"", DescribeJson(item), kHint);
        attribute.name = item["name"].get<std::string>();
        if (item.contains("kind") && !item["kind"].is_null()) {
            if (item["kind"].is_string())
                attribute.kind = ParseAttributeKind(item["kind"].get<std::string>());
            if (!attribute.kind)
                ThrowInvalid("unknown kind of attribute \"" + attribute.name + "\"",
                             DescribeJson(item["kind"]),
                             "Kinds are categorical, boolean, numeric, timestamp.");
        }
    } else {
        ThrowInvalid("an attribute must be a text or an object", DescribeJson(item), kHint);
    }
    if (attribute.name.empty()) ThrowInvalid("an attribute's name must not be empty", "", kHint);
    return attribute;
}

std::optional<std::vector<AttributeRequest>> ReadAttributes(const JsonObject& definition) {
    const Json* found = definition.Find("attributes");
    if (!found) return std::nullopt;
    if (!found->is_array())
        definition.Refuse(
            "attributes", "must be a list",
            "Give column names such as [\"plan\", \"country\"], or leave it out to choose attributes "
            "automatically.");
    if (found->size() > kMaxNamedAttributes)
        throw UserError(sqlstate::kProgramLimit, "too many attributes",
                        "There are " + std::to_string(found->size()) + " attributes.",
                        "A segment measures at most " + std::to_string(kMaxNamedAttributes) + " attributes.");
    std::vector<AttributeRequest> attributes;
    for (const Json& item : *found) {
        AttributeRequest attribute = ReadAttribute(item);
        for (const AttributeRequest& other : attributes)
            if (other.name == attribute.name)
                ThrowInvalid("attribute \"" + attribute.name + "\" is named twice", "",
                             "Name each attribute once.");
        attributes.push_back(std::move(attribute));
    }
    return attributes;
}

std::optional<Json> ReadRules(const Json& definition) {
    Json rules = Json::object();
    for (const char* key : {"rules", "logicalOperator", "groups", "conditions", "logic"})
        if (definition.contains(key)) rules[key] = definition[key];
    if (rules.empty()) return std::nullopt;
    if (definition.contains("where") && !definition["where"].is_null())
        ThrowInvalid("the definition has both \"where\" and \"" + rules.begin().key() + "\"", "",
                     "Write the rule either as text in \"where\" or as JSON in \"rules\" and \"groups\".");
    return rules;
}

void CheckServerName(const std::string& name) {
    constexpr size_t kLongestName = 63;
    if (name.size() > kLongestName)
        ThrowInvalid("\"source\" is too long", "It has " + std::to_string(name.size()) + " bytes.",
                     "Names of servers have at most " + std::to_string(kLongestName) + " bytes.");
}

// Several servers, on each of which the definition is measured.
std::vector<std::string> ReadServerList(const JsonObject& definition, const Json& list) {
    constexpr const char* kHint =
        "Give names of sources, such as [\"shard_1\", \"shard_2\"]; leave \"source\" out for this database.";
    if (list.empty()) definition.Refuse("source", "must not be an empty list", kHint);
    if (list.size() > kMaxSources)
        throw UserError(sqlstate::kProgramLimit, "too many sources",
                        "There are " + std::to_string(list.size()) + ".",
                        "A segment is measured on at most " + std::to_string(kMaxSources) + " servers.");
    std::vector<std::string> names;
    for (const Json& item : list) {
        if (!item.is_string()) definition.Refuse("source", "must be a list of names", kHint);
        const std::string name = item.get<std::string>();
        if (name.empty() || name == "local")
            ThrowInvalid("a list of sources cannot have this database", DescribeJson(item),
                         "Create a source that leads to it with pulse_create_source().");
        CheckServerName(name);
        if (std::find(names.begin(), names.end(), name) != names.end())
            ThrowInvalid("source \"" + name + "\" is named twice", "",
                         "Name each server once: its members would count twice.");
        names.push_back(name);
    }
    return names;
}

// A server or several; none for this database, also for "local" and "".
void ReadSources(const JsonObject& definition, Request& request) {
    const Json* found = definition.Find("source");
    request.allow_incomplete = definition.Boolean("allow_incomplete");
    if (found && found->is_array()) {
        std::vector<std::string> names = ReadServerList(definition, *found);
        request.source = names.front();
        if (names.size() > 1)
            request.sources = std::move(names);
        else
            request.allow_incomplete.reset();  // a list of one is that one
        return;
    }
    if (request.allow_incomplete)
        ThrowInvalid("\"allow_incomplete\" is only valid with several sources", "",
                     "Leave it out, or give \"source\" a list of servers.");
    if (found && *found == "") return;
    const std::string source = ReadText(definition, "source").value_or("local");
    CheckServerName(source);
    if (source != "local") request.source = source;
}

// What texts call the members.
std::optional<std::string> ReadMembers(const JsonObject& definition) {
    const std::optional<std::string> given = ReadText(definition, "members");
    if (!given) return std::nullopt;
    constexpr const char* kHint =
        "Give what several of them are called, such as \"trips\": letters, digits, blanks, - and '.";
    const size_t first = given->find_first_not_of(' ');
    const std::string word = given->substr(first, given->find_last_not_of(' ') - first + 1);
    const size_t characters = CountCharacters(word);
    if (characters > kMaxMembersWord)
        ThrowInvalid("\"members\" is too long", "It has " + std::to_string(characters) + " characters.",
                     "At most " + std::to_string(kMaxMembersWord) + " are allowed.");
    // Messages put it into their own formatting.
    for (std::string_view rest = word; !rest.empty();) {
        const char32_t c = NextCharacter(rest);
        const auto ascii = static_cast<char>(c);
        const bool fits =
            c < 0x80 ? IsLetter(ascii) || IsDigit(ascii) || ascii == ' ' || ascii == '-' || ascii == '\''
                     : !IsBlank(c) && !IsInvisible(c);
        if (!fits) ThrowInvalid("\"members\" is not a word", DescribeJson(word), kHint);
    }
    return word;
}

// `true`, or the id of the segment as ToJson() writes it.
std::optional<int64_t> ReadStatic(const JsonObject& definition) {
    const Json* found = definition.Find("static");
    if (!found || *found == false) return std::nullopt;
    if (*found == true) return 0;
    if (found->is_number_integer() && *found > 0 && *found <= INT64_MAX) return found->get<int64_t>();
    definition.Refuse("static", "must be true or false",
                      "Give \"static\": true for a segment of people who are added by hand.");
}

// A static segment has no rule: people are added and removed.
void CheckStatic(const Request& request) {
    const auto refuse = [](bool given, const char* key) {
        if (given)
            ThrowInvalid(std::string("a static segment has no \"") + key + "\"",
                         "Its members are people who are added by hand.",
                         "Leave out \"" + std::string(key) + "\", or \"static\".");
    };
    refuse(!request.from.empty(), "from");
    refuse(!request.query.empty(), "query");
    refuse(request.where.has_value(), "where");
    if (request.rules) refuse(true, request.rules->begin().key().c_str());
    refuse(request.include_anonymous.has_value(), "include_anonymous");
}

SegmentKind ReadKind(const Request& request) {
    if (!request.from.empty() && !request.query.empty())
        ThrowInvalid("the definition has both \"from\" and \"query\"", "",
                     "Name a table or view in \"from\", or give a SELECT in \"query\".");
    if (request.from.empty() && request.query.empty()) return SegmentKind::kProfile;
    return request.from.empty() ? SegmentKind::kQuery : SegmentKind::kRelation;
}

// Check keys that only some kinds of segments have.
void CheckKind(const Request& request) {
    if (request.kind != SegmentKind::kProfile) {
        if (request.include_anonymous)
            ThrowInvalid("\"include_anonymous\" is only valid for segments over people", "",
                         "Leave it out if the definition has \"from\" or \"query\".");
        return;
    }
    if (!request.where && !request.rules && !request.static_segment)
        ThrowInvalid(
            "the definition has neither \"from\" nor \"query\" nor a rule", "",
            "Name a table or view in \"from\", give a SELECT in \"query\", or write a rule over people in"
            " \"where\", such as "
            "\"events.purchase.count_30d >= 1\"; \"static\": true is for people who are added by hand.");
    const auto refuse = [](bool given, const char* key, const char* why) {
        if (given)
            ThrowInvalid(std::string("a segment over people has no \"") + key + "\"", why,
                         "Leave it out, or name a table or view in \"from\".");
    };
    refuse(request.key.has_value(), "key", "Its members are profiles, identified by their ids.");
    refuse(request.last_active.has_value(), "last_active",
           "The last activity of a person is the time of the person's last event.");
    if (!request.sources.empty() && request.static_segment)
        ThrowInvalid("a static segment has no \"source\"", "Who was added by hand is in this database.",
                     "Leave it out.");
    if (!request.source.empty() && request.sources.empty())
        ThrowInvalid(
            "a segment over people has no single \"source\"", "Its people are in this database.",
            "Leave it out, give a list of databases that each have people of their own, or name a table "
            "or view in \"from\".");
}

}  // namespace

int64_t ParseCadence(const std::string& text) {
    const bool whole = text.find('.') == std::string::npos;
    const auto cadence = whole ? ParseDuration(text) : std::nullopt;
    if (cadence && *cadence >= kMinute && *cadence <= 366 * kDay) return *cadence;
    ThrowInvalid("\"cadence\" must be a whole number of minutes, hours, days or weeks",
                 "It is \"" + text + "\".",
                 "Give for example \"1 day\" or \"6 hours\"; from 1 minute to 366 days.");
}

int64_t Request::Cadence() const {
    return cadence ? ParseCadence(*cadence) : kDay;
}

Request ParseRequest(const Json& json) {
    const JsonObject definition(json, {"the definition", {}, {}, &KeysElsewhere()}, kDefinitionKeys,
                                "{\"from\": \"app.users\", \"where\": \"ltv > 1000\"}");
    Request request;
    ReadSources(definition, request);
    request.from = ReadText(definition, "from").value_or("");
    request.query = ReadText(definition, "query").value_or("");
    if (request.query.size() > kMaxQuery)
        throw UserError(sqlstate::kProgramLimit, "\"query\" is too long",
                        "It has " + std::to_string(request.query.size()) + " bytes.",
                        "At most " + std::to_string(kMaxQuery) + " bytes are allowed; make a view of it.");
    request.static_segment = ReadStatic(definition);
    request.kind = ReadKind(request);
    request.key = ReadText(definition, "key");
    request.where = ReadText(definition, "where");
    request.rules = ReadRules(json);
    request.attributes = ReadAttributes(definition);
    request.converted = ReadText(definition, "converted");
    request.last_active = ReadText(definition, "last_active");
    request.cadence = ReadText(definition, "cadence");
    request.include_anonymous = definition.Boolean("include_anonymous");
    request.members = ReadMembers(definition);
    request.Cadence();
    if (request.static_segment) CheckStatic(request);
    CheckKind(request);
    return request;
}

std::vector<std::string> SourcesOf(const Json& definition) {
    const auto found = definition.find("source");
    if (found == definition.end()) return {};
    std::vector<std::string> sources;
    if (found->is_string() && *found != "" && *found != "local") sources.push_back(found->get<std::string>());
    if (found->is_array())
        for (const Json& item : *found)
            if (item.is_string()) sources.push_back(item.get<std::string>());
    return sources;
}

std::vector<std::string> SourcesOf(const Request& request) {
    if (!request.sources.empty()) return request.sources;
    return request.source.empty() ? std::vector<std::string>() : std::vector<std::string>{request.source};
}

std::string SourceText(const std::vector<std::string>& sources) {
    std::string text;
    for (const std::string& source : sources) text += (text.empty() ? "" : ", ") + source;
    return text;
}

Json ToJson(const Request& request) {
    Json json = Json::object();
    auto put = [&](const char* key, const std::optional<std::string>& text) {
        if (text) json[key] = *text;
    };
    if (request.kind == SegmentKind::kRelation) json["from"] = request.from;
    if (request.kind == SegmentKind::kQuery) json["query"] = request.query;
    if (request.static_segment)
        json["static"] = *request.static_segment == 0 ? Json(true) : Json(*request.static_segment);
    if (!request.sources.empty())
        json["source"] = request.sources;
    else if (!request.source.empty())
        json["source"] = request.source;
    if (request.allow_incomplete) json["allow_incomplete"] = *request.allow_incomplete;
    put("key", request.key);
    put("where", request.where);
    if (request.rules) json.update(*request.rules);
    if (request.attributes) {
        json["attributes"] = Json::array();
        for (const AttributeRequest& attribute : *request.attributes) {
            Json item{{"name", attribute.name}};
            if (attribute.kind) item["kind"] = Name(*attribute.kind);
            json["attributes"].push_back(item);
        }
    }
    put("converted", request.converted);
    put("last_active", request.last_active);
    put("cadence", request.cadence);
    if (request.include_anonymous) json["include_anonymous"] = *request.include_anonymous;
    put("members", request.members);
    return json;
}

}  // namespace pulse::segment
