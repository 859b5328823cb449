// The options of SQL/MED servers and of their user mappings: what there is, what is valid, what is told about
// the rest.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pulse::options {

enum class Holder { kServer, kMapping };

// kWord: one of the words of the option; kUrl: http:// or https:// and a host.
enum class Kind { kText, kPort, kCount, kNumber, kFlag, kDuration, kWord, kUrl };

struct Option {
    const char* name;
    Holder holder;
    Kind kind;
    const char* fallback;  // what holds without it; empty: nothing
    const char* help;
    std::vector<const char*> words = {};
    bool secret = false;     // its value is never repeated; every option of a mapping counts as one
    bool superuser = false;  // only a superuser may set it: it names a file of the server
};

using List = std::vector<std::pair<std::string, std::string>>;

// The options of one foreign-data wrapper.
class Table {
  public:
    // `noun` as in "unknown option of a source".
    Table(const char* noun, std::vector<Option> options) : noun_(noun), options_(std::move(options)) {}

    // All options, in the order in which they are told.
    const std::vector<Option>& all() const { return options_; }
    const Option* Find(const std::string& name, std::optional<Holder> holder = std::nullopt) const;

    // Check the options of a server or of a user mapping. Throws UserError HV00D for an unknown one, 22023
    // for a bad value, 42501 for one that needs a superuser.
    void Check(Holder holder, const List& options, bool superuser) const;

    // The options of one object divided into those of the server and those of the mapping. Throws UserError
    // HV00D.
    std::pair<List, List> Divide(const List& options) const;

    // The value of an option, or what holds without it.
    std::string Get(const List& options, const char* name) const;

  private:
    void CheckOne(Holder holder, const std::string& name, const std::string& value, bool superuser) const;
    std::string Names(Holder holder) const;
    [[noreturn]] void ThrowUnknown(const std::string& name, const std::string& hint,
                                   const std::string& detail = "") const;

    const char* noun_;
    std::vector<Option> options_;
};

// The value of an option, if there.
std::optional<std::string> Value(const List& options, const std::string& name);

// "name=value" as PostgreSQL hands options to a validator.
List FromTexts(const std::vector<std::string>& texts);

// ---- what values mean ----
std::optional<long> ParseWhole(const std::string& text);
std::optional<double> ParseNumber(const std::string& text);
std::optional<bool> ParseFlag(const std::string& text);
// A span such as 500ms, 30s, 5min, 2h or 1d, in milliseconds; empty when it is none.
std::optional<int> ParseSpan(const std::string& text);

}  // namespace pulse::options
