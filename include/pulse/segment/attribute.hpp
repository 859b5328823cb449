// Attributes: how columns are measured, and which are chosen if a definition names none. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/segment/definition.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/source/local.hpp"

namespace pulse::segment {

// The kind of a column by its type; none for types without one (json, bytea, arrays, intervals …).
std::optional<AttributeKind> DefaultAttributeKind(const source::Column& column);

// Make the attribute that measures a column, as an expression over the alias s. Throws UserError if the kind
// does not match the type.
Attribute MakeAttribute(const source::Column& column, std::optional<AttributeKind> kind);

// Statistics of a column.
struct ColumnFacts {
    source::Column column;
    double values = 0;    // number of non-null values, sampled or estimated
    double distinct = 0;  // number of distinct values
    bool unique = false;  // the column alone is a unique key
};

// Whether the name of a person's attribute suggests personal data or a secret. Such attributes are not chosen
// automatically.
bool IsPersonal(const std::string& name);

// Choose at most kMaxChosenAttributes by type and cardinality, in the order of the columns: columns with few
// values first, then numbers, then timestamps. Never the key, a unique column, or text and integers with
// nearly unique values.
std::vector<AttributeRequest> ChooseAttributes(const std::vector<ColumnFacts>& columns,
                                               const std::string& key);

}  // namespace pulse::segment
