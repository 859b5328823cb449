// Names of relations as users type them. Pure C++.
#pragma once

#include <string>

#include "pulse/source/reader.hpp"

namespace pulse::source {

struct NamedRelation {
    std::string name;  // quoted, schema-qualified
    bool readable;     // a table, view, materialized view, partitioned or foreign table
    bool temporary;
};

// The relation that `name` refers to under the search_path there. Throws UserError 42602 if it is no name in
// SQL, 42P01 with the nearest names if there is none.
NamedRelation FindRelation(Reader& reader, const std::string& name);

// Whether a text is a name of SQL with at most a schema: parts in double quotes, or without.
bool IsRelationName(const std::string& text);

}  // namespace pulse::source
