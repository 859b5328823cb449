// Looking at a table: everything its checks need, as cheaply as it can be had. Pure C++; a Reader does the
// reading.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/health/check.hpp"
#include "pulse/health/facts.hpp"

namespace pulse::health {

// How much may be read, and as of when.
struct ReadLimits {
    Moment now = 0;
    double row_limit = 1'000'000;  // no sequential scan of more rows
    double sample_rows = 100'000;  // aim of a sample
};

// Beyond the limits: not read. The hint says what would help.
class TooLarge : public UserError {
  public:
    TooLarge(const std::string& message, const std::string& hint) : UserError("54000", message, "", hint) {}
};

enum class ReadStatus { kRead, kSkipped, kFailed };

// A table's staleness at one moment in the past, for the rhythm.
struct PastAge {
    int week = 0;               // how many weeks ago
    std::optional<double> age;  // seconds since the newest row of then
};

// What one check found; which of the fields are set depends on its kind.
struct Measurement {
    ReadStatus reading = ReadStatus::kRead;
    std::string reason;              // of kSkipped and kFailed, with what would help
    std::string state;               // SQLSTATE of kFailed
    std::optional<double> age;       // freshness: seconds since the newest row; unset: no row
    std::optional<double> oldest;    // freshness: seconds since the oldest row, when learning
    std::optional<double> gap;       // freshness: median time between the newest rows
    std::vector<PastAge> past_ages;  // freshness, when learning
    double replica_late = 0;         // seconds
    std::string basis;               // where the figure is from, in words
    double rows = 0;                 // volume: rows; others: rows looked at
    bool exact = true;               // volume: counted
    double bad = 0, of = 0;          // column checks: bad rows of so many
    double error = 0;                // standard error of bad ÷ of, or of the figure
    std::optional<double> sampled;   // fraction of the table looked at
    std::optional<double> number;    // sql, replication_lag
    int64_t found = 0;               // sql: rows; replication_lag: standbys
    Json columns;                    // schema
    double plan_cost = 0, duration_ms = 0;
};

// Looks at one table for those of its checks that can share a visit (all but sql and references). One answer
// per check.
std::vector<Measurement> MeasureTogether(source::Reader& reader, const std::string& relation,
                                         const std::vector<Check>& checks, const ReadLimits& limits);

// Looks for one check of any kind.
Measurement MeasureAlone(source::Reader& reader, const std::string& relation, const Check& check,
                         const ReadLimits& limits);

// Whether a check shares its visit with others. A user's query that fails must not take them along.
inline bool Shares(const Check& check) {
    return check.type != CheckType::kSql && check.type != CheckType::kReferences;
}

// ---- inside this room ----

// Runs statements after a look at their plans: no sequential scan of more than the limit.
class PlanGuard {
  public:
    PlanGuard(source::Reader& reader, const ReadLimits& limits) : reader_(reader), limits_(limits) {}
    // Throws TooLarge. `help` says what would make it cheap.
    source::Rows Query(const std::string& sql, const std::string& help);
    double cost() const { return cost_; }

  private:
    source::Reader& reader_;
    const ReadLimits& limits_;
    double cost_ = 0;
};

// What an EXPLAIN (FORMAT JSON, VERBOSE) says of how much is read.
struct PlanSummary {
    double cost = 0;
    std::vector<std::string> scanned;  // relations read from beginning to end, quoted and qualified
    double foreign_rows = 0;           // the most rows that come from a foreign server
};
PlanSummary SummarizePlan(const std::string& json);

// One scan over a table, or over a sample of its pages, that counts for many checks at once.
class Scan {
  public:
    explicit Scan(const TableFacts& facts, const ReadLimits& limits);
    // Count the rows for which a condition holds; returns its place.
    size_t CountWhere(const std::string& condition);
    // Take the maximum of an expression as text.
    size_t Maximum(const std::string& expression);
    // Count rows whose columns (all filled) another row has as well.
    size_t Duplicates(const std::vector<std::string>& columns);

    bool empty() const { return counts_.empty() && maxima_.empty() && duplicates_.empty() && !wanted_; }
    void Want() { wanted_ = true; }  // the number of rows
    bool sampling() const { return fraction_ < 1; }
    double fraction() const { return fraction_; }
    void Run(PlanGuard& guard);

    double rows() const { return rows_; }
    double Counted(size_t place) const { return counted_[place]; }
    // Standard error of Counted ÷ base, for a base of the same scan: whole pages are drawn, so pages are what
    // varies.
    double Error(size_t place) const { return errors_[place]; }
    const std::optional<std::string>& Largest(size_t place) const { return maximum_[place]; }
    double Duplicate(size_t place) const { return duplicated_[place]; }

  private:
    std::string From() const;
    std::string WholeSql() const;
    std::string SampleSql() const;

    const TableFacts& facts_;
    double fraction_ = 1;
    bool wanted_ = false;
    std::vector<std::string> counts_, maxima_, duplicates_;
    double rows_ = 0;
    std::vector<double> counted_, errors_, duplicated_;
    std::vector<std::optional<std::string>> maximum_;
};

// The standard error of Σx ÷ Σn over m drawn clusters, from their sums; `fraction` of all clusters was drawn.
double RatioError(double m, double n, double nn, double x, double xx, double xn, double fraction);

// The condition under which a row is bad for a column check.
std::string BadCondition(const Check& check);

// "quoted".
std::string Quoted(const std::string& name);

}  // namespace pulse::health
