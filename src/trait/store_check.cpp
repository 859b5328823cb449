// What only the database knows of a rule.
#include "pulse/base/error.hpp"
#include "pulse/pg/error.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

void CheckPattern(const std::string& pattern) {
    try {
        pg::Subtransaction subtransaction;
        pg::Execute("SELECT '' ~ $1", {Value::Text(pattern)}, true);
        subtransaction.Commit();
    } catch (const pg::Error& error) {
        throw UserError(error.State().c_str(), error.message, "The pattern is \"" + pattern + "\".",
                        "matches takes a regular expression as PostgreSQL's operator ~ does.");
    }
}

}  // namespace

Rule CheckRule(const rule::Expr& tree, rule::Expect expect, const std::string& self) {
    return Rule(*rule::Expand(tree, SavedDefinitions(), self), expect, false);
}

void CheckReads(const rule::Expr& expanded) {
    const Reads reads = FindReads(expanded);
    for (const std::string& pattern : reads.patterns) CheckPattern(pattern);
}

}  // namespace pulse::trait
