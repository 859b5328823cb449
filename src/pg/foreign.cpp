#include "pulse/pg/foreign.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/pg/spi.hpp"

extern "C" {
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
}

namespace pulse::pg {

namespace {

// An option of a statement that changes options; without a value for DEFELEM_DROP.
List* AppendOption(List* list, const std::string& name, const std::string& value, DefElemAction action) {
    const char* key = name.c_str();
    const char* text = value.c_str();
    return Call([=] {
        Node* node = action == DEFELEM_DROP ? nullptr : reinterpret_cast<Node*>(makeString(pstrdup(text)));
        return lappend(list, makeDefElemExtended(nullptr, pstrdup(key), node, action, -1));
    });
}

List* MakeOptions(const options::List& options) {
    List* list = nullptr;
    for (const auto& [name, value] : options) list = AppendOption(list, name, value, DEFELEM_UNSPEC);
    return list;
}

int Code(const std::string& state) {
    return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

std::string OptionText(const char* noun, const std::string& name, const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number() || value.is_boolean()) return DumpJson(value);
    throw UserError(sqlstate::kInvalidParameter, "invalid value for option \"" + name + "\" of a " + noun, "",
                    "Give a text, a number, true or false.");
}

void MakeServer(const std::string& name, const char* wrapper, const options::List& options) {
    List* list = MakeOptions(options);
    Call([&] {
        auto* statement = makeNode(CreateForeignServerStmt);
        statement->servername = pstrdup(name.c_str());
        statement->fdwname = pstrdup(wrapper);
        statement->options = list;
        CreateForeignServer(statement);
        CommandCounterIncrement();
    });
}

void MakeUserMapping(const std::string& server, const options::List& options) {
    List* list = MakeOptions(options);
    Call([&] {
        auto* role = makeNode(RoleSpec);
        role->roletype = ROLESPEC_CURRENT_USER;
        role->location = -1;
        auto* statement = makeNode(CreateUserMappingStmt);
        statement->user = role;
        statement->servername = pstrdup(server.c_str());
        statement->options = list;
        CreateUserMapping(statement);
        CommandCounterIncrement();
    });
}

}  // namespace

void CreateServer(const char* noun, const std::string& name, const char* wrapper, const options::Table& table,
                  const Json& options, const char* example) {
    // Longer names would be truncated.
    if (name.empty() || name.size() >= NAMEDATALEN)
        throw UserError(sqlstate::kInvalidName, std::string("invalid name of a ") + noun,
                        "It has " + std::to_string(name.size()) + " bytes.",
                        "Give a name of 1 to " + std::to_string(NAMEDATALEN - 1) + " bytes.");
    if (!options.is_object())
        throw UserError(sqlstate::kInvalidParameter,
                        std::string("\"options\" of a ") + noun + " must be an object", "",
                        std::string("Give for example ") + example + ".");
    options::List list;
    for (const auto& [key, value] : options.items()) list.emplace_back(key, OptionText(noun, key, value));
    const auto [server, mapping] = table.Divide(list);
    if (OidIsValid(Call([&] { return get_foreign_server_oid(name.c_str(), true); })))
        throw UserError(
            sqlstate::kDuplicateObject, "server \"" + name + "\" already exists",
            std::string("A ") + noun + " is a foreign server and shares its names with all others.",
            "Choose another name, or change the options of that one with ALTER SERVER and ALTER USER "
            "MAPPING.");
    MakeServer(name, wrapper, server);
    MakeUserMapping(name, mapping);
}

void CheckServerOptions(const options::Table& table, const Json& options,
                        const std::function<void(const options::List&, const options::List&)>& make) {
    if (!options.is_object()) return;  // CreateServer() reports it
    options::List list;
    for (const auto& [key, value] : options.items())
        list.emplace_back(key, value.is_string() ? value.get<std::string>() : DumpJson(value));
    const auto [server, mapping] = table.Divide(list);
    table.Check(options::Holder::kServer, server, true);
    try {
        make(server, mapping);
    } catch (const options::Incomplete& error) {
        // The hint of the error is about ALTER, but the server does not exist yet.
        throw UserError(error.state().c_str(), error.message(), "The options have no " + error.missing + ".",
                        "Add it to the options of this call. Nothing was created.");
    }
}

void DropServer(const std::string& name) {
    Execute("DROP SERVER " + QuoteIdentifier(name) + " CASCADE");
}

std::optional<ForeignServer> FindServer(const char* wrapper, const std::string& name) {
    static Statement statement(
        "SELECT pg_get_userbyid(s.srvowner)::text, s.srvoptions, m.umoptions, m.umserver IS NOT NULL, m.umuser IS NOT DISTINCT FROM 0 "
        "FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw "
        "LEFT JOIN LATERAL (SELECT * FROM pg_user_mapping AS m WHERE m.umserver = s.oid AND m.umuser IN "
        "(s.srvowner, 0) ORDER BY m.umuser DESC LIMIT 1) AS m ON true WHERE s.srvname = $1"
        " AND w.fdwname = $2",
        {TEXTOID, TEXTOID});
    const Result rows = statement.Execute({Value::Text(name), Value::Text(wrapper)}, true);
    if (rows.empty()) return std::nullopt;
    const auto read = [&](int column) {
        return rows[0].IsNull(column) ? options::List() : options::FromTexts(rows[0].Texts(column));
    };
    return ForeignServer{name, rows[0].Text(0), read(1), read(2), rows[0].Bool(3), rows[0].Bool(4)};
}

void SetMapping(const ForeignServer& server, const options::List& options) {
    options::List list;
    for (const auto& option : options)
        if (!options::Value(server.mapping, option.first)) list.push_back(option);
    List* changes = MakeOptions(list);
    for (const auto& [name, value] : options)
        if (const auto before = options::Value(server.mapping, name); before && *before != value)
            changes = AppendOption(changes, name, value, DEFELEM_SET);
    for (const auto& [name, value] : server.mapping)
        if (!options::Value(options, name)) changes = AppendOption(changes, name, "", DEFELEM_DROP);
    Call([&] {
        auto* role = makeNode(RoleSpec);
        role->roletype = server.public_mapping ? ROLESPEC_PUBLIC : ROLESPEC_CSTRING;
        if (!server.public_mapping) role->rolename = pstrdup(server.owner.c_str());
        role->location = -1;
        auto* statement = makeNode(AlterUserMappingStmt);
        statement->user = role;
        statement->servername = pstrdup(server.name.c_str());
        statement->options = changes;
        AlterUserMapping(statement);
        CommandCounterIncrement();
    });
}

std::vector<std::string> ServerNames(const char* wrapper) {
    const Result rows = Execute(
        "SELECT coalesce(array_agg(s.srvname::text ORDER BY s.srvname::text), '{}')"
        " FROM pg_foreign_server AS s "
        "JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw WHERE w.fdwname = $1",
        {Value::Text(wrapper)}, true);
    return rows[0].Texts(0);
}

void ValidateOptions(FunctionCallInfo fcinfo, const char* wrapper, const options::Table& table,
                     const std::function<void(options::Holder, const options::List&)>& check) {
    const Args args(fcinfo);
    const auto catalog = static_cast<Oid>(DatumGetObjectId(args.Raw(1)));
    HideStatement([&] {
        const options::List options = options::FromTexts(args.Texts(0).value_or(std::vector<std::string>()));
        if (catalog != ForeignServerRelationId && catalog != UserMappingRelationId) {
            if (!options.empty())
                throw UserError(sqlstate::kInvalidOptionName,
                                "unknown option \"" + options[0].first + "\" of " + wrapper, "",
                                "Options belong to a server or to a user mapping.");
            return;
        }
        const options::Holder holder =
            catalog == ForeignServerRelationId ? options::Holder::kServer : options::Holder::kMapping;
        table.Check(holder, options, IsSuperuser());
        if (check) check(holder, options);
    });
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
    // Remove the context: a surrounding function would show the statement there.
    hidden.hide_statement = true;
    hidden.context.clear();
    hidden.detail_log.clear();
    hidden.internal_query.clear();
    throw hidden;
}

void ShowActivity(const char* text) {
    Call([&] { pgstat_report_activity(STATE_RUNNING, text); });
}

}  // namespace pulse::pg
