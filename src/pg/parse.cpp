#include "pulse/pg/parse.hpp"

#include <algorithm>

extern "C" {
#include "nodes/nodeFuncs.h"
#include "tcop/utility.h"
}

namespace pulse::pg {

namespace {

constexpr const char* kBlank = " \t\r\n\f\v";

bool IsPlainSelect(Node* node) {
    if (!IsA(node, SelectStmt)) return false;
    auto* select = reinterpret_cast<SelectStmt*>(node);
    while (select->larg) select = select->larg;  // INTO is in the leftmost arm of a UNION
    return !select->intoClause;
}

// Collects the positions of calls of pulse_now(). Owns no memory: PostgreSQL's errors jump over it.
bool CollectNowCalls(Node* node, void* found) {
    if (!node) return false;
    if (IsA(node, FuncCall)) {
        const auto* call = reinterpret_cast<FuncCall*>(node);
        const bool plain =
            !call->args && !call->agg_order && !call->agg_filter && !call->over && !call->agg_star;
        if (plain && call->location >= 0 && strcmp(strVal(llast(call->funcname)), "pulse_now") == 0) {
            auto** places = static_cast<List**>(found);
            *places = lappend_int(*places, call->location);
        }
    }
    return PULSE_RAW_EXPRESSION_TREE_WALKER(node, CollectNowCalls, found);
}

// Collects the named relations. Owns no memory, as above.
bool CollectRelations(Node* node, void* found) {
    if (!node) return false;
    if (IsA(node, RangeVar)) {
        auto** list = static_cast<List**>(found);
        *list = lappend(*list, node);
        return false;
    }
    return PULSE_RAW_EXPRESSION_TREE_WALKER(node, CollectRelations, found);
}

struct Found {
    List* calls;
    bool changes;
};

// Collects calls, and detects parts that change or lock data. Owns no memory, as above.
bool CollectEffects(Node* node, void* found) {
    if (!node) return false;
    auto* all = static_cast<Found*>(found);
    if (IsA(node, FuncCall)) all->calls = lappend(all->calls, reinterpret_cast<FuncCall*>(node)->funcname);
    if (IsA(node, SelectStmt)) {
        const auto* select = reinterpret_cast<SelectStmt*>(node);
        all->changes |= select->intoClause || select->lockingClause;
    }
    if (IsA(node, InsertStmt) || IsA(node, UpdateStmt) || IsA(node, DeleteStmt)) all->changes = true;
#if PG_VERSION_NUM >= 150000
    if (IsA(node, MergeStmt)) all->changes = true;  // in WITH from 17 on
#endif
    return PULSE_RAW_EXPRESSION_TREE_WALKER(node, CollectEffects, found);
}

bool RunsInTransaction(const Node* node) {
    switch (nodeTag(node)) {
        case T_TransactionStmt:
        case T_VacuumStmt:
        case T_CreatedbStmt:
        case T_DropdbStmt:
        case T_AlterSystemStmt:
        case T_CreateTableSpaceStmt:
        case T_DropTableSpaceStmt: return false;
        case T_CopyStmt: return reinterpret_cast<const CopyStmt*>(node)->filename != nullptr;
        case T_IndexStmt: return !reinterpret_cast<const IndexStmt*>(node)->concurrent;
        default: return true;
    }
}

// Skips white space and comments.
size_t SkipBlank(const std::string& sql, size_t at) {
    for (;;) {
        at = std::min(sql.find_first_not_of(kBlank, at), sql.size());
        if (sql.compare(at, 2, "--") == 0) {
            at = std::min(sql.find_first_of("\r\n", at), sql.size());
        } else if (sql.compare(at, 2, "/*") == 0) {
            int depth = 1;
            for (at += 2; at < sql.size() && depth > 0; ++at) {
                if (sql.compare(at, 2, "/*") == 0)
                    ++depth, ++at;
                else if (sql.compare(at, 2, "*/") == 0)
                    --depth, ++at;
            }
        } else {
            return at;
        }
    }
}

// The end of the call that begins at `at`: its name, possibly qualified and quoted, and two parentheses.
size_t EndOfCall(const std::string& sql, size_t at) {
    while (at < sql.size() && sql[at] != '(') {
        if (sql[at] == '"') at = std::min(sql.find('"', at + 1), sql.size() - 1);
        at = SkipBlank(sql, at + 1);
    }
    return SkipBlank(sql, at + 1) + 1;
}

List* ParseRaw(const std::string& sql) {
    try {
        return Call([&] { return raw_parser(sql.c_str(), RAW_PARSE_DEFAULT); });
    } catch (Error& error) {
        // The position is one in this text, not in the statement of the caller.
        error.internal_query = sql;
        error.internal_position = std::exchange(error.cursor_position, 0);
        throw;
    }
}

}  // namespace

ParsedText Parse(const std::string& sql) {
    List* list = ParseRaw(sql);
    ParsedText parsed;
    parsed.statements = list_length(list);
    if (parsed.statements != 1) return parsed;
    const auto* only = linitial_node(RawStmt, list);
    parsed.is_select = IsPlainSelect(only->stmt);
    parsed.statement =
        sql.substr(only->stmt_location, only->stmt_len > 0 ? only->stmt_len : std::string::npos);
    parsed.statement.erase(0, parsed.statement.find_first_not_of(kBlank));
    parsed.statement.erase(parsed.statement.find_last_not_of(kBlank) + 1);
    return parsed;
}

ReadingText ReadText(const std::string& sql) {
    Found found{nullptr, false};
    int statements = 0;
    bool select = false;
    List* list = ParseRaw(sql);
    Call([&] {
        statements = list_length(list);
        if (statements != 1) return;
        Node* only = linitial_node(RawStmt, list)->stmt;
        select = IsA(only, SelectStmt);
        if (select) CollectEffects(only, &found);
    });
    ReadingText text;
    text.statements = statements;
    text.reads_only = select && !found.changes;
    for (int i = 0; i < list_length(found.calls); ++i) {
        const List* name = static_cast<const List*>(list_nth(found.calls, i));
        text.functions.emplace_back(
            list_length(name) > 1 ? strVal(list_nth(name, list_length(name) - 2)) : "", strVal(llast(name)));
    }
    return text;
}

std::string CommandNotInTransaction(const std::string& sql) {
    List* statements = ParseRaw(sql);
    const char* command = Call([&]() -> const char* {
        for (int i = 0; i < list_length(statements); ++i) {
            Node* node = list_nth_node(RawStmt, statements, i)->stmt;
            if (!RunsInTransaction(node)) return CreateCommandName(node);
        }
        return "";
    });
    return command;
}

std::string ReplaceNowCalls(const std::string& sql, const std::string& literal) {
    List* places = nullptr;
    List* statements = ParseRaw(sql);
    Call([&] {
        for (int i = 0; i < list_length(statements); ++i)
            CollectNowCalls(list_nth_node(RawStmt, statements, i)->stmt, &places);
        if (places) list_sort(places, list_int_cmp);
    });
    std::string replaced = sql;
    for (int i = list_length(places) - 1; i >= 0; --i) {
        const auto begin = static_cast<size_t>(list_nth_int(places, i));
        replaced.replace(begin, EndOfCall(sql, begin) - begin, literal);
    }
    return replaced;
}

std::vector<std::pair<std::string, std::string>> RelationsIn(const std::string& sql) {
    List* found = nullptr;
    List* statements = ParseRaw(sql);
    Call([&] {
        for (int i = 0; i < list_length(statements); ++i)
            CollectRelations(list_nth_node(RawStmt, statements, i)->stmt, &found);
    });
    std::vector<std::pair<std::string, std::string>> relations;
    for (int i = 0; i < list_length(found); ++i) {
        const auto* relation = static_cast<const RangeVar*>(list_nth(found, i));
        relations.emplace_back(relation->schemaname ? relation->schemaname : "", relation->relname);
    }
    return relations;
}

}  // namespace pulse::pg
