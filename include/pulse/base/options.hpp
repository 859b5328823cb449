// Options of SQL/MED servers and of their user mappings: names, valid values, error messages.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::options {

enum class Holder { kServer, kMapping };

// kWord: one of the words of the option; kUrl: http:// or https:// and a host.
enum class Kind { kText, kPort, kCount, kNumber, kFlag, kDuration, kWord, kUrl };

struct Option {
    const char* name;
    Holder holder;
    Kind kind;
    const char* fallback;  // default value; empty: none
    const char* help;
    std::vector<const char*> words = {};
    bool secret = false;     // its value is never shown; all options of a mapping are secret
    bool superuser = false;  // only a superuser may set it: it names a file of the server
};

using List = std::vector<std::pair<std::string, std::string>>;

// The options of one foreign-data wrapper.
class Table {
  public:
    // `noun` as in "unknown option of a source"; `elsewhere` says where names belong that are no options.
    Table(const char* noun, std::vector<Option> options, std::vector<Elsewhere> elsewhere = {})
        : noun_(noun), options_(std::move(options)), elsewhere_(std::move(elsewhere)) {}

    // All options, in the order in which messages list them.
    const std::vector<Option>& all() const { return options_; }
    const Option* Find(const std::string& name, std::optional<Holder> holder = std::nullopt) const;

    // Check the options of a server or of a user mapping. Throws UserError HV00D for an unknown option, 22023
    // for an invalid value, 42501 for an option that only a superuser may set.
    void Check(Holder holder, const List& options, bool superuser) const;

    // The options of one object divided into those of the server and those of the mapping. Throws UserError
    // HV00D.
    std::pair<List, List> Divide(const List& options) const;

    // The value of an option, or its default.
    std::string Get(const List& options, const char* name) const;

  private:
    void CheckOne(Holder holder, const std::string& name, const std::string& value, bool superuser) const;
    std::string Names(Holder holder) const;
    [[noreturn]] void ThrowUnknown(const std::string& name, const std::string& hint,
                                   const std::string& detail = "") const;

    const char* noun_;
    std::vector<Option> options_;
    std::vector<Elsewhere> elsewhere_;
};

// The value of an option, if it is set.
std::optional<std::string> Value(const List& options, const std::string& name);

// A server, or the user mapping of its owner, lacks options that it needs: 22023.
class Incomplete : public UserError {
  public:
    Incomplete(const std::string& message, Holder holder, std::string names, const std::string& hint);

    std::string missing;  // names in quotes
};

// Throw Incomplete if one of the options is missing. `server` as in: channel "ops".
void Require(const std::string& server, const List& options, Holder holder,
             std::initializer_list<const char*> names);

// "name=value", as PostgreSQL passes options to a validator.
List FromTexts(const std::vector<std::string>& texts);

// ---- parsing values ----
std::optional<long> ParseWhole(const std::string& text);
std::optional<double> ParseNumber(const std::string& text);
std::optional<bool> ParseFlag(const std::string& text);
// Parse a duration such as 500ms, 30s, 5min, 2h or 1d, in milliseconds; empty if it is invalid or longer than
// 21 days.
std::optional<int> ParseSpan(const std::string& text);

}  // namespace pulse::options
