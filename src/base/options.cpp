#include "pulse/base/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"

namespace pulse::options {

namespace {

bool OneOf(const std::string& text, const std::vector<const char*>& words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

bool IsUrl(const std::string& text) {
    const size_t scheme = text.find("://");
    if (scheme == std::string::npos || !OneOf(text.substr(0, scheme), {"http", "https"})) return false;
    const size_t host = scheme + 3;
    return host < text.size() && text.find_first_of("/?#", host) != host &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

bool Valid(const Option& option, const std::string& value) {
    switch (option.kind) {
        case Kind::kText: return !value.empty();
        case Kind::kPort: {
            const auto port = ParseWhole(value);
            return port && *port >= 1 && *port <= 65535;
        }
        case Kind::kCount: {
            const auto count = ParseWhole(value);
            return count && *count >= 0 && *count <= 1'000'000;
        }
        case Kind::kNumber: {
            const auto number = ParseNumber(value);
            return number && *number > 0;
        }
        case Kind::kFlag: return ParseFlag(value).has_value();
        case Kind::kDuration: {
            const auto span = ParseSpan(value);
            return span && *span > 0;
        }
        case Kind::kWord: return OneOf(value, option.words);
        case Kind::kUrl: return IsUrl(value);
    }
    return false;
}

std::string Alternatives(const std::vector<const char*>& words) {
    std::string list;
    for (size_t i = 0; i < words.size(); ++i)
        list += std::string(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    return list;
}

std::string Expectation(const Option& option) {
    switch (option.kind) {
        case Kind::kText: return "Give a text that is not empty.";
        case Kind::kPort: return "Give a port from 1 to 65535.";
        case Kind::kCount: return "Give an integer from 0 to 1000000.";
        case Kind::kNumber: return "Give a number above 0.";
        case Kind::kFlag: return "Give true or false.";
        case Kind::kDuration: return "Give a number with a unit: ms, s, min, h or d, such as '30s'.";
        case Kind::kWord: return "Give " + Alternatives(option.words) + ".";
        case Kind::kUrl: return "Give an address such as 'https://host/path'.";
    }
    return "";
}

}  // namespace

const Option* Table::Find(const std::string& name, std::optional<Holder> holder) const {
    for (const Option& option : options_)
        if (name == option.name && (!holder || option.holder == *holder)) return &option;
    return nullptr;
}

std::string Table::Names(Holder holder) const {
    std::string list;
    for (const Option& option : options_)
        if (option.holder == holder) list += (list.empty() ? "" : ", ") + std::string(option.name);
    return list;
}

// The value is not shown: it may be a password under a misspelt name.
void Table::ThrowUnknown(const std::string& name, const std::string& hint, const std::string& detail) const {
    std::vector<std::string> names;
    for (const Option& option : options_) names.emplace_back(option.name);
    const std::string* const nearest = Find(name) ? nullptr : FindNearest(name, names);
    const std::string home =
        nearest ? "Did you mean " + InQuotes(*nearest) + "?" : FindHome(name, elsewhere_);
    throw UserError(sqlstate::kInvalidOptionName, "unknown option \"" + name + "\" of a " + noun_, detail,
                    home.empty() ? hint : home);
}

void Table::CheckOne(Holder holder, const std::string& name, const std::string& value, bool superuser) const {
    const Option* option = Find(name, holder);
    if (!option) {
        const bool server = holder == Holder::kServer;
        const std::string place = server ? "server" : "user mapping",
                          other = server ? "user mapping" : "server";
        ThrowUnknown(name, "Options of the " + place + " are " + Names(holder) + ".",
                     Find(name) ? "It belongs to the " + other + "." : "");
    }
    if (option->superuser && !superuser)
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "only a superuser can set the option \"" + name + "\" of a " + noun_,
                        "It names a file that the server would read.", "Ask a superuser to set it.");
    if (!Valid(*option, value))
        throw UserError(sqlstate::kInvalidParameter,
                        "invalid value for option \"" + name + "\" of a " + noun_,
                        option->secret ? "" : "It is \"" + value + "\".", Expectation(*option));
}

void Table::Check(Holder holder, const List& options, bool superuser) const {
    for (const auto& [name, value] : options) CheckOne(holder, name, value, superuser);
}

std::pair<List, List> Table::Divide(const List& options) const {
    std::pair<List, List> divided;
    for (const auto& [name, value] : options) {
        const Option* option = Find(name);
        if (!option)
            ThrowUnknown(name, "Options of the server are " + Names(Holder::kServer) +
                                   "; of the user mapping " + Names(Holder::kMapping) + ".");
        (option->holder == Holder::kServer ? divided.first : divided.second).emplace_back(name, value);
    }
    return divided;
}

std::string Table::Get(const List& options, const char* name) const {
    if (auto value = Value(options, name)) return *value;
    const Option* option = Find(name);
    return option ? option->fallback : "";
}

std::optional<std::string> Value(const List& options, const std::string& name) {
    for (const auto& [key, value] : options)
        if (key == name) return value;
    return std::nullopt;
}

Incomplete::Incomplete(const std::string& message, Holder holder, std::string names, const std::string& hint)
    : UserError(sqlstate::kInvalidParameter, message,
                (holder == Holder::kServer ? "Its server" : "The user mapping of its owner") +
                    (" has no option " + names) + ".",
                hint),
      missing(std::move(names)) {}

void Require(const std::string& server, const List& options, Holder holder,
             std::initializer_list<const char*> names) {
    std::string missing, example;
    for (const char* name : names) {
        if (Value(options, name)) continue;
        missing += (missing.empty() ? "\"" : ", \"") + std::string(name) + "\"";
        example += (example.empty() ? "ADD " : ", ADD ") + std::string(name) + " '...'";
    }
    if (missing.empty()) return;
    throw Incomplete(server + " is not complete", holder, missing,
                     (holder == Holder::kServer
                          ? "Use ALTER SERVER ... OPTIONS ("
                          : "Use CREATE or ALTER USER MAPPING FOR the server's owner SERVER ... OPTIONS (") +
                         example + ").");
}

List FromTexts(const std::vector<std::string>& texts) {
    List options;
    for (const std::string& text : texts) {
        const size_t equals = text.find('=');
        options.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return options;
}

// Parse all of the text as an integer.
std::optional<long> ParseWhole(const std::string& text) {
    long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<double> ParseNumber(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
        return std::nullopt;
    return number;
}

std::optional<bool> ParseFlag(const std::string& text) {
    if (OneOf(text, {"true", "on", "yes", "1"})) return true;
    if (OneOf(text, {"false", "off", "no", "0"})) return false;
    return std::nullopt;
}

std::optional<int> ParseSpan(const std::string& text) {
    const auto length = ParseDuration(text);
    // Up to three weeks, which fits into int milliseconds.
    if (!length || *length > 21 * kDay) return std::nullopt;
    return static_cast<int>((*length + 500) / 1000);
}

}  // namespace pulse::options
