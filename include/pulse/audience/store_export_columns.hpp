// The columns of an export as SQL. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/audience/export_options.hpp"

namespace pulse::audience {

// A column of the file.
struct FileColumn {
    ExportColumn column;
    std::string name;       // in the file
    bool computed = false;  // by a rule, while the people are listed; else read afterwards
};

// The columns that are asked for, with one for each trait in place of trait.*, and the events as the last
// one. Throws UserError 42704 for an unknown kind of ids.
std::vector<FileColumn> FileColumns(const ExportOptions& options);

// The first line of a CSV file.
std::string HeaderOf(const std::vector<FileColumn>& columns);

// What rules compute: a query for all people with the columns id, value1, value2, …
struct ComputedColumns {
    std::string sql;                  // empty: there is nothing to compute
    std::vector<std::string> values;  // expressions over the alias v, as text
    std::string where;                // a condition over the alias v; empty: none
    size_t count = 0;

    // ", expression, expression".
    std::string Select() const;
};
// Throws UserError for rules that are none.
ComputedColumns ComputeColumns(const std::vector<FileColumn>& columns, const ExportOptions& options,
                               ExportFormat format, Moment now);

// What is read for a block of people: $1 are their ids, $2 since when they are members (text, may be empty),
// in the same order; a column of text for each that is not computed.
std::string DetailsSql(const std::vector<FileColumn>& columns, const ExportOptions& options,
                       ExportFormat format, Moment now);

}  // namespace pulse::audience
