// SQL functions for definitions over people.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pg = pulse::pg;
namespace trait = pulse::trait;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_create_trait) {
    const pg::Args args(fcinfo);
    const std::string key = args.RequireText(0, "key");
    return Int64GetDatum(trait::CreateTrait(key, args.RequireText(1, "expression"), args.Text(2)));
}

PULSE_WRITING_FUNCTION(pulse_update_trait) {
    const pg::Args args(fcinfo);
    return Int32GetDatum(trait::UpdateTrait(args.RequireText(0, "key"), args.Text(1), args.Text(2)));
}

PULSE_WRITING_FUNCTION(pulse_delete_trait) {
    trait::DeleteTrait(pg::Args(fcinfo).RequireText(0, "key"));
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_list_traits) {
    std::vector<trait::TraitRow> traits;
    std::vector<trait::Dependency> uses;
    {
        const pg::OwnerSession session;
        traits = trait::ListTraits();
        uses = trait::Dependencies();
    }
    pg::ResultSet results(fcinfo);
    for (const trait::TraitRow& row : traits) {
        std::vector<std::string> used_by;
        for (const trait::Dependency& one : uses)
            if (one.uses_kind == "trait" && one.uses == row.key) used_by.push_back(one.kind + " " + one.name);
        results.Add({Value::Text(row.key), Value::Text(row.expression), Value::Text(row.type),
                     Value::Int4(row.version), Value::Text(row.description), Value::Texts(used_by),
                     Value::Time(row.updated_at)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_dependencies) {
    std::vector<trait::Dependency> all;
    {
        const pg::OwnerSession session;
        all = trait::Dependencies();
    }
    pg::ResultSet results(fcinfo);
    for (const trait::Dependency& one : all)
        results.Add({Value::Text(one.kind), Value::Text(one.name), Value::Text(one.uses_kind),
                     Value::Text(one.uses)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_test_expression) {
    const pg::Args args(fcinfo);
    const std::string expression = args.RequireText(0, "expression");
    const std::vector<trait::TreeRow> rows = trait::TestExpression(expression, args.RequireText(1, "user"));
    pg::ResultSet results(fcinfo);
    for (const trait::TreeRow& row : rows)
        results.Add({Value::Int4(row.depth),
                     Value::Text(std::string(2 * static_cast<size_t>(row.depth), ' ') + row.part),
                     Value::Text(row.value), Value::Text(row.note)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_explain_membership) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user");
    const std::vector<trait::MembershipRow> rows =
        trait::ExplainMembership(user, args.RequireText(1, "segment"));
    pg::ResultSet results(fcinfo);
    for (const trait::MembershipRow& row : rows)
        results.Add({Value::Text(row.item),
                     Value::Text(std::string(2 * static_cast<size_t>(row.depth), ' ') + row.part),
                     Value::Text(row.value), Value::Text(row.note)});
    return pg::ResultSet::Done();
}
