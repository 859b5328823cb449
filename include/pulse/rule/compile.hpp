// Tree → SQL, with types checked. Every name and literal in the SQL is quoted here and nowhere else.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/rule/ast.hpp"

namespace pulse::rule {

// What the compiler distinguishes; `sql_type` texts (as PostgreSQL's format_type() writes them) go into
// messages.
enum class ValueType {
    kBoolean,
    kNumber,
    kText,
    kEnum,
    kTimestamp,
    kDuration,
    kArray,
    kJson,
    kVersion,
    kAddress,  // of casts only
    kOther
};

// Classify a type by its format_type() text. Enums and domains cannot be told by name: ReadColumns() knows
// them.
ValueType TypeOf(std::string_view sql_type);

// A column of the relation that a rule is about.
struct Column {
    std::string name;
    std::string sql_type;  // below any domain
    ValueType type;
    // Written as a cast to sql_type: PostgreSQL finds no operators for domains over enums, nor for arrays of
    // domains.
    bool cast = false;
};

// What a reference means: an SQL expression and its type.
struct Resolved {
    std::string sql;
    ValueType type;
    std::string sql_type;
    std::string column = {};  // the column it reads, or empty
    bool dynamic = false;     // kJson: takes the type that its other operand has
};

// Resolves the names in a rule.
class Scope {
  public:
    virtual ~Scope() = default;
    // Throws UserError when the name is unknown, with what is valid in the hint.
    virtual Resolved Resolve(const Reference& reference, size_t position) const = 0;
    // The value of a Metric node.
    virtual Resolved ResolveMetric(const Expr& expr) const = 0;
    // The expression that a name stands for, or nullptr. It lives as long as the scope.
    virtual const Expr* Substitute(const Reference&) const { return nullptr; }
    // Whether SQL may call functions of schema pulse: not as the role of a definition, nor on another server.
    virtual bool CallsPulse() const { return true; }
};

// The columns of one relation under the alias s.
class RelationScope : public Scope {
  public:
    explicit RelationScope(std::vector<Column> columns) : columns_(std::move(columns)) {}
    Resolved Resolve(const Reference& reference, size_t position) const override;
    Resolved ResolveMetric(const Expr& expr) const override;
    bool CallsPulse() const override { return false; }

  private:
    [[noreturn]] void Refuse(const Expr& expr) const;
    std::vector<std::string> Names() const;

    std::vector<Column> columns_;
};

enum class Expect { kBoolean, kAny };

struct Clause {
    std::string text;
    std::string sql;
};

struct Compiled {
    std::string text;  // canonical
    std::string sql;
    ValueType type;
    std::string sql_type;
    std::vector<std::string> columns;  // columns it reads, in order of first use
    std::vector<Clause> clauses;       // top-level conjuncts; one if there is no `and` at the top
    std::string until =
        {};  // timestamptz: the first instant after now at which the clock alone can change the value
};

// Compile for a scope. `now_sql` is the SQL of the clock, of type timestamptz. Throws UserError.
Compiled Compile(const Expr& expr, const Scope& scope, Expect expect, const std::string& now_sql);

// "name" and 'text' for SQL: always quoted, whatever standard_conforming_strings is.
std::string QuoteName(std::string_view name);
std::string QuoteText(std::string_view text);

}  // namespace pulse::rule
