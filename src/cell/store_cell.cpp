#include "pulse/cell/store_cell.hpp"

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/number.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/cell/store_definition.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/source/reader.hpp"
#include "pulse/source/users.hpp"

namespace pulse::cell {

namespace {

using pg::Value;

constexpr int kCellTimeout = 60'000;  // ms of a statement there
constexpr int kDigestPortion = 10'000;
constexpr size_t kMostCells = 1000;

struct Cell {
    std::string name, role;
};

// What came of asking a cell.
struct CellAnswer {
    source::Usage usage;
    std::optional<DigestComparison> found;  // none: it did not answer, and `problem` says why
    int64_t definitions = 0;
    std::string digest, problem;
    bool busy = false;  // another session is asking it, and will note what it finds

    bool equal() const { return found && found->differ + found->only_here + found->only_there == 0; }
};

std::vector<Cell> ReadCells() {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT source, pulse.role_name(runs_as, role_oid) FROM pulse.cell_state ORDER BY source", {}, true);
    std::vector<Cell> cells;
    for (uint64_t i = 0; i < rows.size(); ++i) cells.push_back({rows[i].Text(0), rows[i].Text(1)});
    return cells;
}

std::optional<source::Target> TargetOf(const Cell& cell, CellAnswer& answer) {
    answer.usage.source = cell.name;
    answer.usage.purpose = "cell";
    try {
        source::Target target = source::ResolveTarget({cell.name, cell.role, ""}, kCellTimeout);
        if (!target.local()) return target;
        answer.problem = "it is this database";
    } catch (const UserError& error) {
        answer.problem = error.message();
    }
    return std::nullopt;
}

// Another server can answer anything.
void AddDigests(const source::Rows& rows, Digests& digests) {
    for (const auto& row : rows.values) {
        if (row.size() != 3 || !row[0] || !row[1] || !row[2])
            throw UserError(sqlstate::kDataCorrupted, "the cell's answer has nulls");
        digests[{*row[0], *row[1]}] = *row[2];
    }
    if (digests.size() > kMostDefinitions)
        throw UserError(sqlstate::kProgramLimit, "the cell has too many definitions");
}

// No transaction of this database is needed.
void AskCell(const source::Target& target, const Digests& here, CellAnswer& answer) {
    Digests digests;
    try {
        source::ReadTarget(target, answer.usage, [&](source::Reader& reader) {
            digests.clear();
            reader.QueryInPortions("SELECT kind, name, digest FROM pulse.definition_digests()",
                                   kDigestPortion, [&](source::Rows& rows) { AddDigests(rows, digests); });
        });
        answer.found = CompareDigests(here, digests);
        answer.definitions = static_cast<int64_t>(digests.size());
        answer.digest = DigestOfAll(digests);
    } catch (const UserError& error) {
        answer.busy = error.state() == sqlstate::kLockNotAvailable && answer.usage.queries == 0;
        answer.problem = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
    }
}

// What is known of a cell that does not answer stays, with the time when it did.
void Note(const Cell& cell, const CellAnswer& answer, const std::string& digest_here) {
    if (answer.busy) return;
    if (answer.usage.queries > 0 || answer.usage.status != "ok") source::RecordUsage(answer.usage);
    const pg::OwnerSession session;
    if (!answer.found) {
        pg::Execute(
            "UPDATE pulse.cell_state SET state = 'down', problem = $2, checked_at = clock_timestamp() WHERE"
            " source = $1",
            {Value::Text(cell.name), Value::Text(answer.problem)});
        return;
    }
    const DigestComparison& found = *answer.found;
    pg::Execute(
        "UPDATE pulse.cell_state SET state = $2, problem = NULL, checked_at = clock_timestamp(), answered_at ="
        " clock_timestamp(), definitions = $3, digest = $4, digest_here = $5, differ = $6, only_here = $7,"
        " only_there = $8, examples = $9 WHERE source = $1",
        {Value::Text(cell.name), Value::Text(answer.equal() ? "equal" : "differs"),
         Value::Int8(answer.definitions), Value::Text(answer.digest), Value::Text(digest_here),
         Value::Int8(found.differ), Value::Int8(found.only_here), Value::Int8(found.only_there),
         Value::Texts(found.examples)});
}

template <typename Body>
void InTransaction(bool in_worker, const char* what, Body body) {
    if (!in_worker) return body();
    pg::Transaction transaction(what);
    body();
    transaction.Commit();
}

void ListCellsOfSource(const std::string& source, std::vector<std::string>& users) {
    const pg::Result rows =
        pg::Execute("SELECT FROM pulse.cell_state WHERE source = $1", {Value::Text(source)}, true);
    if (!rows.empty()) users.push_back("cell " + InQuotes(source));
}

[[maybe_unused]] const bool cells_registered =
    source::RegisterSourceUsers(ListCellsOfSource) &&
    RegisterWithoutDefinitions("Servers of this place.", {"cell_state"});

}  // namespace

void AddCell(const std::string& source) {
    const std::string role = pg::CallerName();
    if (source::ResolveTarget({source, role, ""}, kCellTimeout).local())
        throw UserError(sqlstate::kUndefinedObject, "a cell is another database", "It is \"\".",
                        "Create a source that leads to it with pulse_create_source().");
    {
        const pg::OwnerSession session;
        if (pg::Execute("SELECT FROM pulse.cell_state").size() >= kMostCells)
            throw UserError(sqlstate::kProgramLimit, "there are too many cells",
                            "At most " + std::to_string(kMostCells) + " are allowed.");
        pg::Execute(
            "INSERT INTO pulse.cell_state AS c (source, runs_as) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE"
            " SET runs_as = excluded.runs_as",
            {Value::Text(source), Value::Name(role)});
        audit::Write("cell.added", source);
    }
    pg::NotifyLauncher();
}

void RemoveCell(const std::string& source) {
    const pg::OwnerSession session;
    if (pg::Execute("DELETE FROM pulse.cell_state WHERE source = $1", {Value::Text(source)}).processed() ==
        0) {
        const std::vector<std::string> names =
            pg::Execute("SELECT coalesce(array_agg(source ORDER BY source), '{}') FROM pulse.cell_state")[0]
                .Texts(0);
        throw UserError(sqlstate::kUndefinedObject, "cell " + InQuotes(source) + " does not exist", "",
                        names.empty() ? std::string("There are no cells yet; add one with pulse_add_cell().")
                                      : SuggestName(source, names, "Cells"));
    }
    audit::Write("cell.removed", source);
}

RunResult CompareCells(bool in_worker) {
    std::vector<Cell> cells;
    Digests here;
    InTransaction(in_worker, "pulse: which cells and definitions there are", [&] {
        cells = ReadCells();
        here = DigestsOf(ReadDefinitions());
    });
    const std::string digest_here = DigestOfAll(here);
    std::vector<CellAnswer> answers(cells.size());
    const auto note = [&](size_t i) { Note(cells[i], answers[i], digest_here); };
    int64_t down = 0, differ = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
        pg::CheckInterrupts();
        std::optional<source::Target> target;
        InTransaction(in_worker, "pulse: where a cell is", [&] { target = TargetOf(cells[i], answers[i]); });
        if (target) AskCell(*target, here, answers[i]);
        if (in_worker) InTransaction(true, "pulse: noting what a cell has", [&] { note(i); });
        down += !answers[i].found && !answers[i].busy;
        differ += answers[i].found && !answers[i].equal();
    }
    // In the caller's transaction no row is locked while others are asked.
    for (size_t i = 0; !in_worker && i < cells.size(); ++i) note(i);
    RunResult result;
    const auto count = static_cast<int64_t>(cells.size());
    result.rows = count;
    result.message =
        Plural(count, "cell") + ", " + std::to_string(differ) + " differ, " + std::to_string(down) + " down";
    return result;
}

}  // namespace pulse::cell
