// The role whose rights are used. Entry points are SECURITY INVOKER, so that the true caller is known.
// Pulse's own reads and writes run as the extension's owner, a user's definition as the role that created it.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Switches user and search_path for a scope and restores them at its end.
class Identity {
  public:
    // The owner of the extension, search_path pg_catalog: for Pulse's own tables.
    static Identity Owner();
    // The current role, search_path pg_catalog: for SQL of Pulse that runs with the rights of the caller.
    static Identity Caller();
    // A role by name in a security-restricted operation with the search_path given: for definitions that
    // users supply. Throws UserError if the role does not exist.
    static Identity Definer(const std::string& role, const std::string& search_path);
    // A role by oid in a security-restricted operation, search_path pg_catalog: for SQL of Pulse that runs
    // with the rights of an API key.
    static Identity Key(Oid role);

    // Whether the statements that run now are Pulse's own, for its tables.
    static bool IsOwner() { return owner_; }

    ~Identity();
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;

  private:
    Identity(Oid role, int context_flags, const char* search_path, bool owner);

    friend std::string OriginalCaller();

    static inline bool owner_ = false;
    static inline Oid caller_ = InvalidOid;  // while owner_: the role before
    bool saved_owner_;
    Oid saved_role_, saved_caller_;
    int saved_context_;
    int guc_level_;
};

// Who acts while it lives, in place of the calling role: an API key. Definitions that it makes get the
// search_path that was effective before.
class Actor {
  public:
    explicit Actor(std::string key);
    ~Actor() { current_ = outer_; }
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;

    // The innermost; null if roles act for themselves.
    static const Actor* Current() { return current_; }
    const std::string& key() const { return key_; }
    const std::string& search_path() const { return search_path_; }

  private:
    static inline const Actor* current_ = nullptr;
    const Actor* outer_;
    std::string key_, search_path_;
};

// Whom histories name: the API key that acts, or the calling role.
std::string ActorName();
// The API key that acts, or this role.
std::string ActorName(const std::string& role);

// The calling role and its effective search_path, written out with pg_temp last; both are stored with
// definitions.
std::string CallerName();
std::string CallerSearchPath();
// The same as CallerName(), but also while Pulse works as Identity::Owner().
std::string OriginalCaller();

// Throws UserError 42501 unless the calling role may replace or delete something that runs with the rights of
// `role`: it has these rights itself, or it may grant levels. To be called before an Identity.
void RequireRightsOf(const std::string& role, const std::string& what);

// Whether the rights of a role may be handed to whoever holds a secret: it exists and is limited, that is no
// superuser, not the extension's owner, no member of one, and without files and programs of the server.
bool MayHandOut(Oid role);
// Throws UserError unless it may (22023, 42704), and the calling role has these rights itself (42501). `what`
// is the secret, such as "an API key". To be called before an Identity.
void RequireRightsToHandOut(const std::string& role, const std::string& what);

// The schema of pulse_now() and the other public functions, quoted for SQL.
std::string VerbSchema();

// The version of the extension in this database; empty if it is not installed. Needs no Identity and runs no
// SQL.
std::optional<std::string> ExtensionVersion();

}  // namespace pulse::pg
