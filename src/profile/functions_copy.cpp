// COPY into pulse.ingest and pulse.import, and pulse_import_events().
#include <algorithm>
#include <list>

#include "pulse/base/number.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/trigger.hpp"
#include "pulse/profile/store_row_buffer.hpp"
#include "pulse/profile/store_statistics.hpp"

namespace pulse::profile {

namespace {

// The rows collected by running statements, the innermost last. A failed statement is removed with its
// subtransaction.
struct CopyStatement {
    explicit CopyStatement(Cause as) : cause(as), rows(as, "copy") {}
    const Cause cause;
    RowBuffer rows;
    bool begun = false;  // the columns are known
};
std::list<CopyStatement>& OpenStatements() {
    static std::list<CopyStatement> open;
    return open;
}

void Begin(Cause cause) {
    CopyStatement* collected = &OpenStatements().emplace_back(cause);
    pg::WhenSubtransactionEnds(
        [](void* failed) {
            OpenStatements().remove_if([&](const CopyStatement& one) { return &one == failed; });
        },
        collected);
}

// One statement can insert into both views, by WITH: find the rows of this view.
std::list<CopyStatement>::iterator Innermost(Cause cause) {
    const auto found = std::find_if(OpenStatements().rbegin(), OpenStatements().rend(),
                                    [&](const CopyStatement& one) { return one.cause == cause; });
    if (found == OpenStatements().rend())
        throw std::logic_error("trigger called without the start of a statement");
    return std::prev(found.base());
}

void Collect(Cause cause, const pg::TriggerRow& row) {
    CopyStatement& collected = *Innermost(cause);
    if (!std::exchange(collected.begun, true)) collected.rows.SetColumns(row.names(), row.types());
    collected.rows.Add(row.values().data(), row.nulls());
    if (collected.rows.Full()) collected.rows.Flush();
}

void End(Cause cause) {
    const auto collected = Innermost(cause);
    collected->rows.Flush();
    const int64_t accepted = collected->rows.tally().accepted;
    OpenStatements().erase(collected);
    AnalyzeGrownTables(accepted);
}

void CheckQuery(const std::string& query) {
    const pg::ReadingText read = pg::ReadText(query);
    if (read.statements == 1 && read.reads_only) return;
    throw UserError(sqlstate::kInvalidParameter, "\"query\" is not a single read-only query",
                    read.statements == 1 ? "It changes or locks rows."
                                         : "It has " + std::to_string(read.statements) + " statements.",
                    "Give one SELECT with the column names of pulse.ingest.");
}

// Reports the progress of an import.
class Progress {
  public:
    void Report(int64_t rows) {
        const Moment now = pg::WallClock();
        if (now - told_ < kEvery) return;
        told_ = now;
        pg::Notice(Plural(rows, "event") + " read, " + Thousands(rows * kSecond / (now - began_)) +
                   " a second");
    }

  private:
    static constexpr int64_t kEvery = 10 * kSecond;
    const Moment began_ = pg::WallClock();
    Moment told_ = began_;
};

Tally Import(const std::string& query, const std::string& source) {
    RowBuffer rows(Cause::kImport, source);
    Progress progress;
    // The query runs as the caller, the inserts run as the extension's owner.
    const pg::Session session;
    const pg::UserText text(query);
    pg::Cursor cursor(query, {});
    int64_t read = 0;
    constexpr long kPortion = 1000;
    for (bool known = false;; known = true) {
        const pg::Result portion = cursor.Fetch(kPortion);
        if (!known) rows.SetColumns(portion.ColumnNames(), portion.ColumnTypes());
        const size_t columns = portion.ColumnNames().size();
        std::vector<Datum> values(columns);
        const std::unique_ptr<bool[]> nulls(new bool[columns]);
        // Memory used for reading a row is freed with its batch.
        const pg::Arena arena("pulse portion");
        for (uint64_t i = 0; i < portion.size(); ++i) {
            const pg::Row row = portion[i];
            for (size_t c = 0; c < columns; ++c) {
                nulls[c] = row.IsNull(static_cast<int>(c));
                values[c] = nulls[c] ? Datum{0} : row.Raw(static_cast<int>(c));
            }
            rows.Add(values.data(), nulls.get());
            if (rows.Full()) rows.Flush();
        }
        read += static_cast<int64_t>(portion.size());
        if (portion.empty()) break;
        progress.Report(read);
    }
    rows.Flush();
    AnalyzeGrownTables(rows.tally().accepted);
    return rows.tally();
}

}  // namespace

}  // namespace pulse::profile

namespace pg = pulse::pg;
namespace profile = pulse::profile;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_ingest_rows) {
    const pg::TriggerCall call(fcinfo);
    // Anyone who may execute the function can use it as trigger of their own table. The right to insert into
    // these views decides who may send events.
    if (call.table() != "pulse.ingest" && call.table() != "pulse.import")
        throw pulse::UserError(pulse::sqlstate::kInsufficientPrivilege,
                               "function can only be used as trigger of pulse.ingest and pulse.import",
                               "It was called for " + call.table() + ".",
                               "Insert into pulse.ingest instead.");
    const profile::Cause cause =
        call.argument() == "import" ? profile::Cause::kImport : profile::Cause::kEvent;
    switch (call.when()) {
        case pg::TriggerCall::When::kBefore: profile::Begin(cause); return Datum{0};
        case pg::TriggerCall::When::kAfter: profile::End(cause); return Datum{0};
        case pg::TriggerCall::When::kRow: profile::Collect(cause, pg::TriggerRow(call)); return call.row();
    }
    return Datum{0};
}

PULSE_WRITING_FUNCTION(pulse_import_events) {
    const pg::Args args(fcinfo);
    const std::string query = args.RequireText(0, "query"), source = args.RequireText(1, "source");
    profile::CheckSource(source);
    profile::CheckQuery(query);
    pg::ResultSet result(fcinfo);
    const profile::Tally tally = profile::Import(query, source);
    result.Add({Value::Int8(tally.accepted), Value::Int8(tally.duplicates), Value::Int8(tally.rejected)});
    return pg::ResultSet::Done();
}
