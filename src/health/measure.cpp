#include "pulse/health/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "pulse/source/cell.hpp"

namespace pulse::health {

namespace {

// Measures one table: facts, plan guard, and the scan that its checks share.
class Visit {
  public:
    Visit(source::Reader& reader, const std::string& relation, const ReadLimits& limits)
        : reader_(reader),
          limits_(limits),
          facts_(ReadFacts(reader, relation)),
          guard_(reader, limits),
          scan_(facts_, limits) {}

    std::vector<CheckMeasurement> Measure(const std::vector<Check>& checks);

  private:
    // Runs the checks that need no scan, and registers what the others need from it. Returns a function to
    // call after the scan.
    std::function<void(CheckMeasurement&)> Begin(const Check& check, CheckMeasurement& m);
    std::function<void(CheckMeasurement&)> Volume(CheckMeasurement& m);
    std::function<void(CheckMeasurement&)> Column(const Check& check);
    std::function<void(CheckMeasurement&)> Unique(const Check& check, CheckMeasurement& m);
    void References(const Check& check, CheckMeasurement& m);
    void Schema(CheckMeasurement& m);
    void ReplicationLag(CheckMeasurement& m);
    void Sql(const Check& check, CheckMeasurement& m);
    bool IsRequested(const Check& check) const;
    void TakeSample(CheckMeasurement& m) const;

    source::Reader& reader_;
    const ReadLimits& limits_;
    TableFacts facts_;
    PlanGuard guard_;
    TableScan scan_;
};

void Visit::TakeSample(CheckMeasurement& m) const {
    m.rows = scan_.rows();
    if (scan_.sampling()) m.sampled = scan_.fraction();
}

std::function<void(CheckMeasurement&)> Visit::Volume(CheckMeasurement& m) {
    if (facts_.rows <= limits_.row_limit) {
        scan_.Want();
        return [this](CheckMeasurement& out) { out.rows = scan_.rows(); };
    }
    m.rows = facts_.rows;
    m.exact = false;
    m.basis = "estimated from the catalog's row density and the current size";
    return nullptr;
}

std::function<void(CheckMeasurement&)> Visit::Column(const Check& check) {
    const CatalogColumn& column = RequireColumn(facts_, check.columns.front());
    const size_t bad = scan_.CountWhere(BadCondition(check, column));
    std::optional<size_t> nan;
    if (column.holds_nan() && check.type != CheckType::kAcceptedValues)
        nan = scan_.CountWhere(NanCondition(column));
    return [this, bad, nan](CheckMeasurement& m) {
        m.bad = scan_.Counted(bad);
        if (nan) m.nan = scan_.Counted(*nan);
        m.error = scan_.Error(bad);
        TakeSample(m);
        m.of = m.rows;
    };
}

std::function<void(CheckMeasurement&)> Visit::Unique(const Check& check, CheckMeasurement& m) {
    std::vector<std::string> wanted = check.columns;
    for (const std::string& column : wanted) RequireColumn(facts_, column);
    std::sort(wanted.begin(), wanted.end());
    for (const IndexFacts& index : facts_.indexes) {
        std::vector<std::string> covered = index.columns;
        std::sort(covered.begin(), covered.end());
        if (!index.unique || covered != wanted) continue;
        m.of = m.rows = facts_.rows;
        m.basis = "the unique index " + index.name + " guarantees it";
        return nullptr;
    }
    const size_t place = scan_.Duplicates(check.columns);
    return [this, place](CheckMeasurement& out) {
        out.bad = scan_.Duplicate(place);
        TakeSample(out);
        out.of = out.rows;
    };
}

void Visit::References(const Check& check, CheckMeasurement& m) {
    const CatalogColumn& column = RequireColumn(facts_, check.columns.front());
    // Also with a foreign key: rows that came while its triggers were off (a restore, a replica) leave no
    // trace in the catalog.
    const size_t bad = scan_.CountWhere(BadCondition(check, column));
    scan_.Run(guard_);
    m.bad = scan_.Counted(bad);
    m.error = scan_.Error(bad);
    TakeSample(m);
    m.of = m.rows;
}

void Visit::Schema(CheckMeasurement& m) {
    m.columns = Json::array();
    for (const CatalogColumn& column : facts_.columns)
        m.columns.push_back({{"number", column.number},
                             {"name", column.name},
                             {"type", column.type},
                             {"not_null", column.not_null},
                             {"default", column.fallback}});
}

void Visit::ReplicationLag(CheckMeasurement& m) {
    if (facts_.standby) {
        m.number = facts_.replica_late;
        m.found = -1;
        return;
    }
    const source::Rows rows = reader_.Query(
        "SELECT count(*), count(r.state), max(coalesce(extract(epoch FROM r.replay_lag), 0)) "
        "FROM pg_catalog.pg_stat_replication AS r WHERE r.application_name NOT LIKE 'pg_basebackup%'");
    const auto& row = rows.values.at(0);
    m.found = static_cast<int64_t>(source::ToOptionalNumber(row[0]).value_or(0));
    if (m.found > 0 && source::ToOptionalNumber(row[1]).value_or(0) == 0)
        throw UserError(sqlstate::kInsufficientPrivilege, "the lag of standbys is hidden from this role", "",
                        "Grant it pg_monitor, or monitor the lag as a role that has it.");
    m.number = source::ToOptionalNumber(row[2]);
}

void Visit::Sql(const Check& check, CheckMeasurement& m) {
    const std::string help = "Make the query narrower, or give it an index.";
    if (check.rows) {
        const source::Rows rows =
            guard_.Query("SELECT pg_catalog.count(*) FROM (SELECT FROM (" + check.query + "\n) AS q LIMIT " +
                             std::to_string(*check.rows + 10'000) + ") AS few",
                         help);
        m.found = static_cast<int64_t>(source::ToOptionalNumber(rows.values.at(0)[0]).value_or(0));
        return;
    }
    const source::Rows rows = guard_.Query("SELECT * FROM (" + check.query + "\n) AS q LIMIT 2", help);
    if (rows.names.size() != 1 || rows.size() > 1)
        throw UserError(sqlstate::kDatatypeMismatch, "the query must return one number",
                        "It returns " + std::to_string(rows.names.size()) + " columns and " +
                            (rows.size() > 1 ? "more than one row." : std::to_string(rows.size()) + " rows."),
                        "Give one column and one row, or use \"rows\" to count what the query returns.");
    if (rows.empty() || !rows.values[0][0]) return;
    char* end = nullptr;
    const std::string& text = *rows.values[0][0];
    m.number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != 0)
        throw UserError(sqlstate::kDatatypeMismatch, "the query must return one number",
                        "It returns \"" + text + "\".",
                        "Cast it to a number, or use \"rows\" to count what the query returns.");
}

std::function<void(CheckMeasurement&)> Visit::Begin(const Check& check, CheckMeasurement& m) {
    switch (check.type) {
        case CheckType::kFreshness: MeasureFreshness(facts_, check, limits_, guard_, m); break;
        case CheckType::kVolume: return Volume(m);
        case CheckType::kNullRate:
        case CheckType::kAcceptedValues:
        case CheckType::kRange: return Column(check);
        case CheckType::kUnique: return Unique(check, m);
        case CheckType::kReferences: References(check, m); break;
        case CheckType::kSchema: Schema(m); break;
        case CheckType::kReplicationLag: ReplicationLag(m); break;
        case CheckType::kSql: Sql(check, m); break;
    }
    return nullptr;
}

// Whether all columns exist, so that an error about one comes from the server.
bool Visit::IsRequested(const Check& check) const {
    if (check.columns.empty()) return ArrivalColumn(facts_) != nullptr;
    return std::all_of(check.columns.begin(), check.columns.end(),
                       [&](const std::string& column) { return facts_.Find(column) != nullptr; });
}

std::vector<CheckMeasurement> Visit::Measure(const std::vector<Check>& checks) {
    std::vector<CheckMeasurement> measurements(checks.size());
    std::vector<std::function<void(CheckMeasurement&)>> rest(checks.size());
    const auto skip = [](CheckMeasurement& m, const TooLarge& refused) {
        m.reading = ReadStatus::kSkipped;
        m.reason = refused.message() + (refused.hint().empty() ? "" : "; what would help: " + refused.hint());
    };
    for (size_t i = 0; i < checks.size(); ++i) {
        try {
            rest[i] = Begin(checks[i], measurements[i]);
        } catch (const TooLarge& refused) {
            skip(measurements[i], refused);
        } catch (const source::Unavailable&) {
            throw;
        } catch (const UserError& error) {
            // A missing column was found in the catalog, so the visit continues. An error of the server ends
            // it.
            if (error.state() != sqlstate::kUndefinedColumn || facts_.columns.empty() ||
                IsRequested(checks[i]))
                throw;
            measurements[i].reading = ReadStatus::kFailed;
            measurements[i].reason = error.message();
            measurements[i].state = error.state();
        }
    }
    const bool wanted =
        std::any_of(rest.begin(), rest.end(), [](const auto& task) { return task != nullptr; });
    std::optional<TooLarge> refused;
    try {
        if (wanted) scan_.Run(guard_);
    } catch (const TooLarge& error) {
        refused = error;
    }
    for (size_t i = 0; i < checks.size(); ++i) {
        if (rest[i] && refused)
            skip(measurements[i], *refused);
        else if (rest[i])
            rest[i](measurements[i]);
        measurements[i].plan_cost = guard_.cost();
    }
    return measurements;
}

}  // namespace

std::vector<CheckMeasurement> MeasureTogether(source::Reader& reader, const std::string& relation,
                                              const std::vector<Check>& checks, const ReadLimits& limits) {
    const auto began = std::chrono::steady_clock::now();
    std::vector<CheckMeasurement> measurements = Visit(reader, relation, limits).Measure(checks);
    const double took =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
    for (CheckMeasurement& m : measurements) m.duration_ms = took;
    return measurements;
}

CheckMeasurement MeasureAlone(source::Reader& reader, const std::string& relation, const Check& check,
                              const ReadLimits& limits) {
    return MeasureTogether(reader, relation, {check}, limits).front();
}

}  // namespace pulse::health
