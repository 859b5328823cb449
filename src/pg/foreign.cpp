#include "pulse/pg/foreign.hpp"

extern "C" {
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
}

namespace pulse::pg {

namespace {

List* MakeOptions(const ForeignOptions& options) {
    List* list = nullptr;
    for (const auto& [name, value] : options) {
        const char* key = name.c_str();
        const char* text = value.c_str();
        list = Call([=] {
            return lappend(list,
                           makeDefElem(pstrdup(key), reinterpret_cast<Node*>(makeString(pstrdup(text))), -1));
        });
    }
    return list;
}

int Code(const std::string& state) {
    return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

}  // namespace

void CreateServer(const std::string& name, const std::string& wrapper, const ForeignOptions& options) {
    List* list = MakeOptions(options);
    Call([&] {
        auto* statement = makeNode(CreateForeignServerStmt);
        statement->servername = pstrdup(name.c_str());
        statement->fdwname = pstrdup(wrapper.c_str());
        statement->options = list;
        CreateForeignServer(statement);
        CommandCounterIncrement();
    });
}

void CreateUserMapping(const std::string& server, const ForeignOptions& options) {
    List* list = MakeOptions(options);
    Call([&] {
        auto* role = makeNode(RoleSpec);
        role->roletype = ROLESPEC_CURRENT_USER;
        role->location = -1;
        auto* statement = makeNode(CreateUserMappingStmt);
        statement->user = role;
        statement->servername = pstrdup(server.c_str());
        statement->options = list;
        ::CreateUserMapping(statement);
        CommandCounterIncrement();
    });
}

bool IsServerCatalog(Oid catalog) {
    return catalog == ForeignServerRelationId;
}

bool IsUserMappingCatalog(Oid catalog) {
    return catalog == UserMappingRelationId;
}

bool IsSuperuser() {
    return Call([] { return superuser(); });
}

void HideStatement(const std::function<void()>& body) {
    Error hidden;
    try {
        return body();
    } catch (Error& error) {
        hidden = std::move(error);
    } catch (const UserError& error) {
        hidden.sqlerrcode = Code(error.state());
        hidden.message = error.message();
        hidden.detail = error.detail();
        hidden.hint = error.hint();
    }
    // A surrounding function would show the statement as context.
    hidden.hide_statement = true;
    hidden.context.clear();
    hidden.internal_query.clear();
    throw hidden;
}

void ShowActivity(const char* text) {
    Call([&] { pgstat_report_activity(STATE_RUNNING, text); });
}

}  // namespace pulse::pg
