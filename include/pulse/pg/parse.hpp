// Parsing SQL with PostgreSQL's own grammar, without resolving names.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

struct ParsedText {
    int statements = 0;
    // Set if there is exactly one statement:
    bool is_select = false;  // SELECT, VALUES or TABLE, and not SELECT INTO
    std::string statement;   // without a final semicolon and surrounding white space
};

// Parse a text of SQL statements. Throws pg::Error 42601 if it is not SQL.
ParsedText Parse(const std::string& sql);

// The effects of a SQL text, as far as its grammar shows them.
struct ReadingText {
    int statements = 0;
    // There is exactly one statement: a SELECT without INTO, row locks, and data-modifying parts.
    bool reads_only = false;
    // Functions that it calls: schema (empty if it names none) and name.
    std::vector<std::pair<std::string, std::string>> functions;
};
// Throws pg::Error 42601 if it is not SQL.
ReadingText ReadText(const std::string& sql);

// Replace every call of pulse_now(), with any schema, by `literal`: for servers without that function.
// Strings and comments do not change. Throws pg::Error 42601 if `sql` is not SQL.
std::string ReplaceNowCalls(const std::string& sql, const std::string& literal);

// The relations that a text names, as schema (empty if it names none) and name. Throws pg::Error 42601 if
// `sql` is not SQL.
std::vector<std::pair<std::string, std::string>> RelationsIn(const std::string& sql);

// The first command in a text that cannot run inside a function's transaction, such as COMMIT, VACUUM or COPY
// … FROM STDIN; empty if all can.
std::string CommandNotInTransaction(const std::string& sql);

}  // namespace pulse::pg
