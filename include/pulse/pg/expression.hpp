// One SQL expression with parameters, evaluated by PostgreSQL's own evaluator: no query, no plan, below a
// microsecond.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Made once, evaluated often; keeps its memory until it dies. The expression may use parameters $1, $2, … and
// functions, no tables, subqueries or aggregates. Names are looked up, and the right to call them checked,
// where it is made: make it as Identity::Owner().
class Expression {
  public:
    // Throws pg::Error when it is no expression.
    Expression(const std::string& sql, const std::vector<Oid>& parameter_types);
    ~Expression();
    Expression(const Expression&) = delete;
    Expression& operator=(const Expression&) = delete;

    // The value, in the current memory context; `values` and `nulls` are as many as there are parameters.
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
