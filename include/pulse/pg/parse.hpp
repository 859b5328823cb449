// What PostgreSQL's own grammar says about a text, before anything in it is looked up.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

struct ParsedText {
    int statements = 0;
    // About the only statement, when there is exactly one.
    bool is_select = false;  // SELECT, VALUES or TABLE, and not SELECT INTO
    std::string statement;   // without a final semicolon and white space around it
};

// Parse a text of SQL statements. Throws pg::Error 42601 when it is not SQL.
ParsedText Parse(const std::string& sql);

// A text of SQL as far as its grammar tells what it would do.
struct ReadingText {
    int statements = 0;
    // There is exactly one, and it is a SELECT without INTO, row locks, and parts that change something.
    bool reads_only = false;
    // Functions that it calls: schema (empty where it gives none) and name.
    std::vector<std::pair<std::string, std::string>> functions;
};
// Throws pg::Error 42601 when it is not SQL.
ReadingText ReadText(const std::string& sql);

// Put `literal` in the place of every pulse_now(), under any schema's name: for servers that have no such
// function. What looks like a call in a string or a comment stays. Throws pg::Error 42601 when `sql` is not
// SQL.
std::string ReplaceNowCalls(const std::string& sql, const std::string& literal);

// The relations that a text names, as schema (empty where it gives none) and name. Throws pg::Error 42601
// when `sql` is not SQL.
std::vector<std::pair<std::string, std::string>> RelationsIn(const std::string& sql);

// The first command in a text that cannot run inside a function's transaction, such as COMMIT, VACUUM or COPY
// … FROM STDIN; empty when all can.
std::string CommandNotInTransaction(const std::string& sql);

}  // namespace pulse::pg
