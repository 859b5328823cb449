#include "pulse/pg/identity.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/syscache.h"
}

namespace pulse::pg {

namespace {

struct Extension {
    Oid owner;
    Oid schema;
    char* version;  // in the caller's memory
};

// pg_extension has no syscache: use an index scan. No SQL, so that no user-defined operators are involved.
Extension ProbeExtension() {
    return Call([] {
        Extension extension{InvalidOid, InvalidOid, nullptr};
        Relation relation = table_open(ExtensionRelationId, AccessShareLock);
        ScanKeyData key;
        ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                    CStringGetDatum("pulse"));
        SysScanDesc scan = systable_beginscan(relation, ExtensionNameIndexId, true, nullptr, 1, &key);
        if (HeapTuple tuple = systable_getnext(scan)) {
            auto* form = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
            bool null;
            const Datum version =
                heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &null);
            extension = {form->extowner, form->extnamespace, null ? nullptr : TextDatumGetCString(version)};
        }
        systable_endscan(scan);
        table_close(relation, AccessShareLock);
        return extension;
    });
}

Extension LookUpExtension() {
    const Extension found = ProbeExtension();
    if (found.version) pfree(found.version);
    if (!OidIsValid(found.owner))
        throw UserError(sqlstate::kUndefinedObject, "extension \"pulse\" is not installed in this database",
                        "", "Run CREATE EXTENSION pulse.");
    return found;
}

Oid known_owner = InvalidOid;  // the extension's, while Identity::IsOwner()

// Files and programs of the server are a way to the rights of a superuser.
bool ReachesServer(Oid role) {
    return role == ROLE_PG_READ_SERVER_FILES || role == ROLE_PG_WRITE_SERVER_FILES ||
           role == ROLE_PG_EXECUTE_SERVER_PROGRAM;
}

}  // namespace

Identity::Identity(Oid role, int context_flags, const char* search_path, bool owner)
    : saved_owner_(owner_), saved_caller_(caller_) {
    GetUserIdAndSecContext(&saved_role_, &saved_context_);
    guc_level_ = NewGUCNestLevel();
    SetUserIdAndSecContext(role, saved_context_ | context_flags);
    try {
        Call([&] {
            if (strcmp(namespace_search_path, search_path) == 0) return;
            set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                              0, false);
        });
    } catch (...) {
        AtEOXact_GUC(false, guc_level_);
        SetUserIdAndSecContext(saved_role_, saved_context_);
        throw;
    }
    if (owner && !owner_) caller_ = saved_role_;
    owner_ = owner;
}

Identity::~Identity() {
    owner_ = saved_owner_;
    caller_ = saved_caller_;
    AtEOXact_GUC(false, guc_level_);
    SetUserIdAndSecContext(saved_role_, saved_context_);
}

Identity Identity::Owner() {
    // Within another one, unless a function of a user has changed the role since.
    if (!owner_ || GetUserId() != known_owner) known_owner = LookUpExtension().owner;
    return Identity(known_owner, SECURITY_LOCAL_USERID_CHANGE, "pg_catalog, pg_temp", true);
}

Identity Identity::Caller() {
    return Identity(GetUserId(), 0, "pg_catalog, pg_temp", owner_);
}

Identity Identity::Definer(const std::string& role, const std::string& search_path) {
    const Oid id = Call([&] { return get_role_oid(role.c_str(), true); });
    if (!OidIsValid(id))
        throw UserError(sqlstate::kUndefinedObject, "role \"" + role + "\" does not exist",
                        "The definition runs with the rights of the role that created it.",
                        "Update the segment as another role; it then runs with that role's rights.");
    return Identity(id, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION, search_path.c_str(),
                    false);
}

Identity Identity::Key(Oid role) {
    return Identity(role, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION, "pg_catalog, pg_temp",
                    false);
}

Actor::Actor(std::string key) : outer_(current_), key_(std::move(key)), search_path_(CallerSearchPath()) {
    current_ = this;
}

std::string ActorName() {
    return Actor::Current() ? Actor::Current()->key() : CallerName();
}

std::string ActorName(const std::string& role) {
    return Actor::Current() ? Actor::Current()->key() : role;
}

std::string CallerName() {
    return Call([] { return GetUserNameFromId(GetUserId(), false); });
}

std::string OriginalCaller() {
    const Oid caller = Identity::owner_ ? Identity::caller_ : GetUserId();
    return Call([&] { return GetUserNameFromId(caller, false); });
}

std::string CallerSearchPath() {
    if (const Actor* actor = Actor::Current()) return actor->search_path();
    std::vector<std::string> names;
    List* path = Call([] { return fetch_search_path(false); });
    for (int i = 0; i < list_length(path); ++i) {
        const Oid schema = list_nth_oid(path, i);
        const char* name = Call([&] { return get_namespace_name(schema); });
        if (name && !isAnyTempNamespace(schema))
            names.emplace_back(Call([&] { return quote_identifier(name); }));
    }
    std::string text;
    for (const std::string& name : names) text += name + ", ";
    return text + "pg_temp";
}

void RequireRightsOf(const std::string& role, const std::string& what) {
    const Extension extension = LookUpExtension();
    const bool allowed = Call([&] {
        const Oid owner = get_role_oid(role.c_str(), true);
        if (OidIsValid(owner) && has_privs_of_role(GetUserId(), owner)) return true;
        const Oid types[] = {TEXTOID, TEXTOID};
        List* name =
            list_make2(makeString(get_namespace_name(extension.schema)), makeString(pstrdup("pulse_grant")));
        const Oid grant = LookupFuncName(name, 2, types, true);
        return OidIsValid(grant) &&
               DatumGetBool(DirectFunctionCall2(has_function_privilege_id, ObjectIdGetDatum(grant),
                                                CStringGetTextDatum("EXECUTE")));
    });
    if (!allowed)
        throw UserError(
            sqlstate::kInsufficientPrivilege, what + " belongs to role \"" + role + "\"",
            "It runs with the rights of that role.",
            "That role, its members and the level admin can replace or delete it; SET ROLE if you "
            "are a member.");
}

bool MayHandOut(Oid role) {
    const Oid owner = LookUpExtension().owner;
    return Call([&] {
        bool limited = SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role));
        // With all roles that it is a member of, also those whose rights it does not inherit.
        List* roles = list_make1_oid(role);
        for (int i = 0; i < list_length(roles); ++i) {
            const Oid one = list_nth_oid(roles, i);
            limited = limited && one != owner && !superuser_arg(one) && !ReachesServer(one);
            CatCList* memberships = SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(one));
            for (int m = 0; m < memberships->n_members; ++m)
                roles = list_append_unique_oid(
                    roles, reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(&memberships->members[m]->tuple))
                               ->roleid);
            ReleaseSysCacheList(memberships);
        }
        list_free(roles);
        return limited;
    });
}

void RequireRightsToHandOut(const std::string& role, const std::string& what) {
    const Oid id = Call([&] { return get_role_oid(role.c_str(), true); });
    if (!OidIsValid(id))
        throw UserError(sqlstate::kUndefinedObject, "role \"" + role + "\" does not exist", "",
                        "Create " + what + " for an existing role; pg_roles lists them.");
    if (!Call([&] { return has_privs_of_role(GetUserId(), id); }))
        throw UserError(sqlstate::kInsufficientPrivilege,
                        "role \"" + CallerName() + "\" does not have the rights of role \"" + role + "\"",
                        "Whoever holds " + what + " has the rights of its role.",
                        "Give a role that you are a member of, or ask for membership in this one.");
    if (!MayHandOut(id))
        throw UserError(
            sqlstate::kInvalidParameter, "no privilege limits role \"" + role + "\"",
            "It is a superuser, the extension's owner, a member of one, or can use files or programs of the "
            "server: whoever finds " +
                what + " of this role has the whole server.",
            "Create a role for it, and give it the level that it needs with pulse_grant().");
}

std::optional<std::string> ExtensionVersion() {
    const Extension found = ProbeExtension();
    if (!found.version) return std::nullopt;
    const std::string version = found.version;
    pfree(found.version);
    return version;
}

std::string VerbSchema() {
    const Oid schema = LookUpExtension().schema;
    return Call([&] { return quote_identifier(get_namespace_name(schema)); });
}

}  // namespace pulse::pg
