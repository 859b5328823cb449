// Which attributes can be measured, how, and which are worth it when none are named. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/segment/definition.hpp"
#include "pulse/segment/request.hpp"
#include "pulse/source/local.hpp"

namespace pulse::segment {

// The kind a column has by its type; none for types without a natural one (json, bytea, arrays, intervals …).
std::optional<AttributeKind> DefaultAttributeKind(const source::Column& column);

// How to measure a column, as an expression over the alias s. Throws UserError when kind and type do not fit.
Attribute MakeAttribute(const source::Column& column, std::optional<AttributeKind> kind);

// What is known about the values of a column.
struct ColumnFacts {
    source::Column column;
    double values = 0;    // not null, among the rows looked at or estimated
    double distinct = 0;  // different ones among them
    bool unique = false;  // it alone is a unique key
};

// Whether an attribute of people by this name tells who somebody is, or a secret: such are not measured
// unasked.
bool IsPersonal(const std::string& name);

// Choose at most kMaxChosenAttributes by type and cardinality, in the order of the columns: what has few
// values first, then numbers, then timestamps. Never the key, a unique column, or text and whole numbers that
// hardly ever repeat.
std::vector<AttributeRequest> ChooseAttributes(const std::vector<ColumnFacts>& columns,
                                               const std::string& key);

}  // namespace pulse::segment
