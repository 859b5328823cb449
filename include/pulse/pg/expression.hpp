// One SQL expression with parameters, evaluated by PostgreSQL's own evaluator: no query, no plan, below a
// microsecond.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Compiled once, evaluated often; frees its memory when it is destroyed. The expression may use parameters
// $1, $2, … and functions, but no tables, subqueries or aggregates. Names and EXECUTE privileges are checked
// by the constructor: construct it as Identity::Owner().
class Expression {
  public:
    // Throws pg::Error if it is not an expression.
    Expression(const std::string& sql, const std::vector<Oid>& parameter_types);
    ~Expression();
    Expression(const Expression&) = delete;
    Expression& operator=(const Expression&) = delete;

    // The value, in the current memory context. `values` and `nulls` have one element per parameter.
    Datum Eval(const Datum* values, const bool* nulls, bool* null);
    Oid type() const { return type_; }
    size_t parameters() const { return parameters_; }

  private:
    struct Compiled;
    Compiled* compiled_ = nullptr;
    Oid type_ = InvalidOid;
    size_t parameters_ = 0;
};

}  // namespace pulse::pg
