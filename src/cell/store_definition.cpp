#include "pulse/cell/store_definition.hpp"

#include <algorithm>

#include "pulse/audience/identifier.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::cell {

namespace {

using pg::Value;

// An export must not depend on the session.
void FixOutput() {
    for (const auto& [setting, value] :
         {std::pair("intervalstyle", "postgres"), std::pair("datestyle", "ISO, YMD"),
          std::pair("timezone", "UTC"), std::pair("extra_float_digits", "1")})
        pg::SetLocally(setting, value);
}

Places ReadPlaces() {
    Places places;
    for (const char* kind : {"channel", "source", "destination"}) {
        const std::vector<std::string> names = pg::ServerNames((std::string("pulse_") + kind).c_str());
        places[kind].insert(names.begin(), names.end());
    }
    return places;
}

struct Parameter {
    std::string name, type, fallback;
};

// What the function takes. The first of several with one name has texts, which read everything.
std::vector<Parameter> ParametersOf(const std::string& function) {
    const pg::Result rows = pg::Execute(
        "SELECT p.proargnames[a.place], pg_catalog.format_type(a.type, NULL),"
        " coalesce(pg_catalog.pg_get_function_arg_default(p.oid, a.place::pg_catalog.int4), '')"
        " FROM (SELECT p.oid, p.proargnames, p.proargtypes FROM pg_catalog.pg_proc AS p"
        " JOIN pg_catalog.pg_depend AS d ON d.classid OPERATOR(pg_catalog.=)"
        " 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) p.oid"
        " AND d.deptype OPERATOR(pg_catalog.=) 'e' JOIN pg_catalog.pg_extension AS e"
        " ON e.oid OPERATOR(pg_catalog.=) d.refobjid AND d.refclassid OPERATOR(pg_catalog.=)"
        " 'pg_catalog.pg_extension'::pg_catalog.regclass WHERE e.extname OPERATOR(pg_catalog.=) 'pulse'"
        " AND p.proname OPERATOR(pg_catalog.=) $1 ORDER BY p.oid LIMIT 1) AS p"
        " CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(p.proargtypes)) WITH ORDINALITY AS a (type, place)"
        " ORDER BY a.place",
        {Value::Name(function)}, true);
    std::vector<Parameter> parameters;
    for (uint64_t i = 0; i < rows.size(); ++i)
        parameters.push_back({rows[i].Text(0), rows[i].Text(1), rows[i].Text(2)});
    return parameters;
}

// By position, with exact types: so a function of another role in that schema cannot fit better.
void Run(const DefinitionCall& call, const std::string& schema) {
    std::string sql = "SELECT " + schema + "." + pg::QuoteIdentifier(call.function) + "(";
    std::vector<Value> values;
    size_t used = 0;
    const std::vector<Parameter> parameters = ParametersOf(call.function);
    for (size_t i = 0; i < parameters.size(); ++i) {
        const Parameter& parameter = parameters[i];
        const auto given =
            std::find_if(call.arguments.begin(), call.arguments.end(),
                         [&](const DefinitionCall::Argument& one) { return one.name == parameter.name; });
        sql += i > 0 ? ", " : "";
        if (given == call.arguments.end()) {
            sql += parameter.fallback.empty() ? "CAST(NULL AS " + parameter.type + ")" : parameter.fallback;
            continue;
        }
        ++used;
        values.push_back(Value::Text(given->value));
        sql += "CAST($" + std::to_string(values.size()) + " AS " + parameter.type + ")";
    }
    if (used != call.arguments.size())
        throw UserError(sqlstate::kInternalError, "function " + call.function + " has other arguments");
    pg::Execute(sql + ")", values);
}

std::string Place(const DifferenceRow& row) {
    return row.kind + " " + InQuotes(row.name);
}

void RequireNothingMissing(const std::vector<DifferenceRow>& rows) {
    constexpr size_t kMost = 20;
    std::vector<std::string> missing;
    for (const DifferenceRow& row : rows)
        for (const std::string& use : row.missing) missing.push_back(use + " (for " + Place(row) + ")");
    if (missing.empty()) return;
    std::string list;
    for (size_t i = 0; i < std::min(missing.size(), kMost); ++i) list += (i > 0 ? ", " : "") + missing[i];
    if (missing.size() > kMost) list += " and " + std::to_string(missing.size() - kMost) + " more";
    throw UserError(sqlstate::kUndefinedObject, "the definitions need what is not here",
                    "Missing: " + list + ".",
                    "Create it first, or take its definition into the document. Channels, sources and "
                    "destinations are created in each database, because they have secrets.");
}

}  // namespace

Definitions ReadDefinitions() {
    const std::string role = pg::CallerName();
    const pg::OwnerSession session;
    FixOutput();
    Definitions definitions;
    for (const DefinitionKind& kind : DefinitionKinds()) {
        std::vector<Value> arguments;
        if (kind.of_role) arguments.push_back(Value::Name(role));
        pg::Cursor cursor(kind.read, arguments);
        std::map<std::string, Definition>& named = definitions[kind.name];
        for (;;) {
            pg::CheckInterrupts();
            const pg::Result rows = cursor.Fetch(1000);
            if (rows.empty()) break;
            for (uint64_t i = 0; i < rows.size(); ++i)
                named[rows[i].Text(0)] = {Canonical(kind, rows[i].Jsonb(1)), rows[i].Bool(2),
                                          rows[i].Bool(3)};
        }
    }
    return definitions;
}

Digests DigestsOf(const Definitions& definitions) {
    Digests digests;
    for (const auto& [kind, named] : definitions)
        for (const auto& [name, definition] : named)
            if (!definition.retired && !FindDefinitionKind(kind)->of_role)
                digests[{kind, name}] = audience::Sha256Hex(DumpJson(definition.json)).substr(0, 32);
    return digests;
}

std::string DigestOfAll(const Digests& digests) {
    Json all = Json::array();
    for (const auto& [key, digest] : digests) all.push_back({key.first, key.second, digest});
    return audience::Sha256Hex(DumpJson(all)).substr(0, 32);
}

std::vector<DifferenceRow> Compare(const Json& document, bool prune) {
    const Definitions wanted = ReadDocument(document);
    const Definitions here = ReadDefinitions();
    const pg::OwnerSession session;
    return FindDifference(here, wanted, ReadPlaces(), prune);
}

void Apply(const std::vector<DifferenceRow>& rows) {
    RequireNothingMissing(rows);
    const std::string schema = pg::VerbSchema();
    std::map<std::string, int64_t> counts;
    for (const DifferenceRow& row : rows) {
        if (row.calls.empty()) continue;
        ++counts[cell::Name(row.change)];
        pg::CheckInterrupts();
        try {
            const pg::Session session;
            for (const DefinitionCall& call : row.calls) Run(call, schema);
        } catch (pg::Error& error) {
            error.detail = "In " + Place(row) + "." + (error.detail.empty() ? "" : " " + error.detail);
            throw;
        }
    }
    if (!counts.empty()) audit::Write("definitions.applied", "definitions", Json(counts));
}

}  // namespace pulse::cell
