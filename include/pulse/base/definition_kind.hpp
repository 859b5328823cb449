// The registry of what users define: segments, traits, flags and so on. Each room registers its kinds, so
// that definitions can be taken from one database to another, and says of its other tables that they hold
// none. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace pulse {

// One call of a function of Pulse. Arguments have names, and values as text; null is an omitted value.
struct DefinitionCall {
    struct Argument {
        std::string name;
        std::optional<std::string> value;
    };
    std::string function;
    std::vector<Argument> arguments;

    // "SELECT pulse_create_trait(key => 'spent', …);", to be read and typed.
    std::string Sql() const;
};
using DefinitionCalls = std::vector<DefinitionCall>;

// A key of a definition. Unless it is `apart`, it is also an argument of the functions that create and change
// it.
struct DefinitionField {
    enum class Type { kText, kNumber, kBoolean, kTexts, kJson };
    const char* key = nullptr;
    Type type = Type::kText;
    // As JSON, what a definition without the key has, which exports leave out. Null: without the key the
    // value stays as it is, or becomes the function's default.
    const char* absent = nullptr;
    // What makes the value absent where it is changed, as text; null: as `absent`.
    const char* cleared = nullptr;
    bool required = false;
    bool always = false;  // given in each change
    bool apart = false;
};

// Something that a definition needs: another one by kind and name; or the place that it is in, as "channel",
// "source" or "destination".
struct DefinitionUse {
    std::string kind, name;

    auto operator<=>(const DefinitionUse&) const = default;
};

struct DefinitionKind {
    const char* name = nullptr;
    // Kinds are written in this order, if their uses say nothing else.
    int order = 0;
    // Tables of schema pulse that hold them, without the schema.
    std::vector<const char*> tables = {};
    // A query for the columns name (text), definition (jsonb with the keys of `fields`), built_in (it is
    // there in each database, and never deleted), retired (kept for its history; not a definition any more).
    const char* read = nullptr;
    // Each role sees its own: `read` takes the name of the role. Cells do not compare them.
    bool of_role = false;
    std::vector<DefinitionField> fields = {};

    // Functions of schema pulse's verbs, and what they call the name. `update` null: it is removed and
    // created again. `remove` null: see `remove_calls`.
    const char* name_argument = "name";
    const char* create = nullptr;
    const char* update = nullptr;
    const char* remove = nullptr;

    // Whether writing it reads tables, perhaps on another server. Such definitions are written first: those
    // of people keep senders of events waiting until the commit. May be null: it does not.
    bool (*reads_tables)(const nlohmann::json& definition) = nullptr;
    // What it needs. May be null.
    void (*uses)(const std::string& name, const nlohmann::json& definition,
                 std::vector<DefinitionUse>& uses) = nullptr;
    // What exists with it, and is no definition of its own: others may need it. May be null.
    void (*makes)(const std::string& name, const nlohmann::json& definition,
                  std::vector<DefinitionUse>& made) = nullptr;
    // Changes the calls that create (`current` null) or change it: fields apart, states. May be null.
    void (*adapt)(const std::string& name, const nlohmann::json* current, bool retired,
                  const nlohmann::json& wanted, DefinitionCalls& calls) = nullptr;
    // In place of a call of `remove` with the name alone. May be null.
    DefinitionCalls (*remove_calls)(const std::string& name, const nlohmann::json& current) = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterDefinitionKind(const DefinitionKind& kind);
// By order.
const std::vector<DefinitionKind>& DefinitionKinds();
const DefinitionKind* FindDefinitionKind(const std::string& name);

// Tables of a room that hold no definition, and why. A test over the catalog proves that each table of Pulse
// is one of a kind, or listed so.
bool RegisterWithoutDefinitions(const char* reason, const std::vector<const char*>& tables);

// One row per table that is registered: the kind that it holds, or the reason why it holds none.
struct DefinitionTable {
    std::string table;
    std::optional<std::string> kind;
    std::string reason;
};
std::vector<DefinitionTable> DefinitionTables();

// A JSON value as the text of an argument.
std::string ArgumentText(const nlohmann::json& value, DefinitionField::Type type);

}  // namespace pulse
