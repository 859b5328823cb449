// Measures what the checks of a table need, at the lowest cost. Pure C++; a Reader runs the statements.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/health/check.hpp"
#include "pulse/health/facts.hpp"

namespace pulse::health {

// Limits for reading, and the moment at which the checks run.
struct ReadLimits {
    Moment now = 0;
    double row_limit = 1'000'000;  // no sequential scan of more rows
    double sample_rows = 100'000;  // target size of a sample
};

// A read that exceeds the limits and was not run. The hint says what would help.
class TooLarge : public UserError {
  public:
    TooLarge(const std::string& message, const std::string& hint)
        : UserError(sqlstate::kProgramLimit, message, "", hint) {}
};

enum class ReadStatus { kRead, kSkipped, kFailed };

// A time without new rows around one moment in the past, for the arrival pattern: from the newest row at that
// moment to the next one.
struct Silence {
    Moment at = 0;
    Moment from = 0, to = 0;
};

// The measurement of one check; its type decides which fields are set.
struct CheckMeasurement {
    ReadStatus reading = ReadStatus::kRead;
    std::string reason;             // of kSkipped and kFailed, and what would help
    std::string state;              // SQLSTATE of kFailed
    std::optional<double> age;      // freshness: seconds since the newest row; unset: no row
    std::optional<double> ahead;    // freshness: seconds by which the newest row lies in the future
    std::string infinite;           // freshness: infinite times, which are ignored; empty: none
    std::optional<double> gap;      // freshness: median time between the newest rows
    std::vector<Silence> silences;  // freshness, when learning; not the present one
    double replica_late = 0;        // seconds
    std::string basis;              // where the figure comes from, as text
    double rows = 0;                // volume: rows; others: rows read
    bool exact = true;              // volume: counted, not estimated
    double bad = 0, of = 0;         // column checks: bad rows of so many
    double nan = 0;                 // column checks: bad rows with NaN
    double error = 0;               // standard error of bad ÷ of, or of the figure
    std::optional<double> sampled;  // fraction of the table that was read
    std::optional<double> number;   // sql, replication_lag
    int64_t found = 0;              // sql: rows; replication_lag: standbys
    Json columns;                   // schema
    double plan_cost = 0, duration_ms = 0;
};

// Measures one table for the checks that can share a scan (all but sql and references). Returns one
// measurement per check.
std::vector<CheckMeasurement> MeasureTogether(source::Reader& reader, const std::string& relation,
                                              const std::vector<Check>& checks, const ReadLimits& limits);

// Measures one check of any type.
CheckMeasurement MeasureAlone(source::Reader& reader, const std::string& relation, const Check& check,
                              const ReadLimits& limits);

// Whether a check can share a scan with others. The failure of a user's query must not affect them.
inline bool Shares(const Check& check) {
    return check.type != CheckType::kSql && check.type != CheckType::kReferences;
}

// ---- inside this room ----

// Runs statements after checking their plans: no sequential scan of more rows than the limit.
class PlanGuard {
  public:
    PlanGuard(source::Reader& reader, const ReadLimits& limits) : reader_(reader), limits_(limits) {}
    // Throws TooLarge. `help` says how to make it cheaper.
    source::Rows Query(const std::string& sql, const std::string& help);
    double cost() const { return cost_; }

  private:
    source::Reader& reader_;
    const ReadLimits& limits_;
    double cost_ = 0;
};

// The amount of data that a plan reads, from EXPLAIN (FORMAT JSON, VERBOSE).
struct PlanSummary {
    double cost = 0;
    std::vector<std::string> scanned;  // relations with a sequential scan, quoted and qualified
    double foreign_rows = 0;           // the most rows that come from a foreign server
};
PlanSummary SummarizePlan(const std::string& json);

// The age of the newest row and the silences of the past. Throws TooLarge when neither an index, nor the
// order of the rows, nor the limit of rows allows to find it.
void MeasureFreshness(const TableFacts& facts, const Check& check, const ReadLimits& limits, PlanGuard& guard,
                      CheckMeasurement& m);

// One scan over a table, or over a sample of its pages, for several checks.
class TableScan {
  public:
    explicit TableScan(const TableFacts& facts, const ReadLimits& limits);
    // Count the rows for which a condition holds; returns its index.
    size_t CountWhere(const std::string& condition);
    // Count rows whose columns (none null) are duplicated in another row.
    size_t Duplicates(const std::vector<std::string>& columns);

    bool empty() const { return counts_.empty() && duplicates_.empty() && !wanted_; }
    void Want() { wanted_ = true; }  // the number of rows
    bool sampling() const { return fraction_ < 1; }
    double fraction() const { return fraction_; }
    void Run(PlanGuard& guard);

    double rows() const { return rows_; }
    double Counted(size_t place) const { return counted_[place]; }
    // Standard error of Counted ÷ base, for a base of the same scan: whole pages are drawn, so pages are what
    // varies.
    double Error(size_t place) const { return errors_[place]; }
    double Duplicate(size_t place) const { return duplicated_[place]; }

  private:
    std::string From() const;
    std::string WholeSql() const;
    std::string SampleSql() const;

    const TableFacts& facts_;
    double fraction_ = 1;
    bool wanted_ = false;
    std::vector<std::string> counts_, duplicates_;
    double rows_ = 0;
    std::vector<double> counted_, errors_, duplicated_;
};

// The standard error of Σx ÷ Σn over m drawn clusters, from their sums; `fraction` of all clusters was drawn.
double RatioError(double m, double n, double nn, double x, double xx, double xn, double fraction);

// The condition under which a row is bad for a check of that column. NaN is no number: it is missing, and
// lies outside of every range.
std::string BadCondition(const Check& check, const CatalogColumn& column);
// The condition under which a row has NaN there.
std::string NanCondition(const CatalogColumn& column);

// "quoted".
std::string Quoted(const std::string& name);

}  // namespace pulse::health
