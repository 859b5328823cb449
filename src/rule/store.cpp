#include "pulse/rule/store.hpp"

#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"

namespace pulse::rule {

namespace {

// The type below a domain; of an array, the array of the type below its elements.
Oid TypeBelow(Oid declared, int32* modifier) {
    return pg::Call([&] {
        const Oid type = getBaseTypeAndTypmod(declared, modifier);
        const Oid element = get_element_type(type);
        if (!OidIsValid(element) || getBaseType(element) == element) return type;
        *modifier = -1;
        return get_array_type(getBaseType(element));
    });
}

Column Describe(const std::string& name, Oid declared, int32 declared_modifier) {
    int32 modifier = declared_modifier;
    const Oid type = TypeBelow(declared, &modifier);
    char* formatted = pg::Call([&] { return format_type_with_typemod(type, modifier); });
    const std::string sql_type(formatted);
    pfree(formatted);
    const bool is_enum = pg::Call([&] { return get_typtype(type); }) == TYPTYPE_ENUM;
    const ValueType kind = is_enum ? ValueType::kEnum : TypeOf(sql_type);
    return {name, sql_type, kind, type != declared && (is_enum || kind == ValueType::kArray)};
}

}  // namespace

std::vector<Column> ReadColumns(Oid relation) {
    pg::Session session;
    static pg::Statement kind(
        "SELECT relkind::text, oid::regclass::text FROM pg_catalog.pg_class WHERE oid = $1", {OIDOID});
    static pg::Statement attributes(
        "SELECT attname, atttypid, atttypmod FROM pg_catalog.pg_attribute"
        " WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        {OIDOID});
    const std::vector<pg::Value> parameters{{OIDOID, ObjectIdGetDatum(relation), false}};

    const pg::Result found = kind.Execute(parameters, true);
    if (found.empty())
        throw UserError(sqlstate::kUndefinedTable,
                        "relation with OID " + std::to_string(relation) + " does not exist", "",
                        "Name a table or a view.");
    if (std::string("rvmfp").find(found[0].Text(0)) == std::string::npos)
        throw UserError(sqlstate::kWrongObjectType, found[0].Text(1) + " is not a table or a view",
                        "A rule is about the rows of a relation.",
                        "Name a table, view, materialized view or foreign table.");
    std::vector<Column> columns;
    const pg::Result rows = attributes.Execute(parameters, true);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        columns.push_back(Describe(row.Text(0), DatumGetObjectId(row.Raw(1)), row.Int4(2)));
    }
    return columns;
}

void CheckPatterns(const Expr& expr) {
    for (const std::string& pattern : FindPatterns(expr)) {
        try {
            pg::Subtransaction apart;
            pg::Execute("SELECT '' ~ $1", {pg::Value::Text(pattern)}, true);
            apart.Commit();
        } catch (const pg::Error& error) {
            if (error.State().compare(0, 2, "22") != 0) throw;
            throw UserError(error.State().c_str(), error.message, "The pattern is \"" + pattern + "\".",
                            "matches takes a regular expression, as PostgreSQL's operator ~ does.");
        }
    }
}

}  // namespace pulse::rule
