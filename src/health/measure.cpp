#include "pulse/health/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "pulse/health/arrival_pattern.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::health {

namespace {

std::string At(Moment moment) {
    return source::Literal(FormatMoment(moment)) + "::timestamptz";
}

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
    std::function<void(CheckMeasurement&)> Freshness(const Check& check, CheckMeasurement& m);
    std::function<void(CheckMeasurement&)> FreshnessByScan(const std::string& column,
                                                           const std::vector<Moment>& moments);
    void FreshnessByIndex(const std::string& column, const std::vector<Moment>& moments, bool learning,
                          CheckMeasurement& m);
    void FreshnessByTail(const CatalogColumn& column, CheckMeasurement& m);
    std::function<void(CheckMeasurement&)> Volume(CheckMeasurement& m);
    std::function<void(CheckMeasurement&)> Column(const Check& check);
    std::function<void(CheckMeasurement&)> Unique(const Check& check, CheckMeasurement& m);
    void References(const Check& check, CheckMeasurement& m);
    void Schema(CheckMeasurement& m);
    void ReplicationLag(CheckMeasurement& m);
    void Sql(const Check& check, CheckMeasurement& m);
    bool IsRequested(const Check& check) const;
    void TakeSample(CheckMeasurement& m) const;
    // Ages of the newest row at each moment, in seconds; the first is now.
    static void TakeAges(const std::vector<std::optional<double>>& ages, CheckMeasurement& m);

    source::Reader& reader_;
    const ReadLimits& limits_;
    TableFacts facts_;
    PlanGuard guard_;
    TableScan scan_;
};

void Visit::TakeAges(const std::vector<std::optional<double>>& ages, CheckMeasurement& m) {
    m.age = ages.at(0);
    const std::vector<int> weeks = PastWeeks();
    for (size_t i = 1; i < ages.size(); ++i) m.past_ages.push_back({weeks.at(i - 1), ages[i]});
}

void Visit::TakeSample(CheckMeasurement& m) const {
    m.rows = scan_.rows();
    if (scan_.sampling()) m.sampled = scan_.fraction();
}

std::function<void(CheckMeasurement&)> Visit::Freshness(const Check& check, CheckMeasurement& m) {
    const CatalogColumn* column =
        check.columns.empty() ? ArrivalColumn(facts_) : &RequireColumn(facts_, check.columns.front());
    if (!column)
        throw UserError(sqlstate::kUndefinedColumn,
                        facts_.relation + " has no column with the arrival time of rows", "",
                        "Name a timestamp column in the check.");
    m.replica_late = facts_.replica_late;
    std::vector<Moment> moments = {limits_.now};
    if (!check.max_age)
        for (const Moment moment : PastMoments(limits_.now)) moments.push_back(moment);
    if (facts_.IndexOn(column->name) && facts_.sampled()) {
        FreshnessByIndex(column->name, moments, !check.max_age, m);
        return nullptr;
    }
    if (facts_.rows <= limits_.row_limit) return FreshnessByScan(column->name, moments);
    const bool in_order = (facts_.kind == 'r' || facts_.kind == 'm') && !facts_.has_children &&
                          column->correlation && *column->correlation > 0.9;
    if (check.max_age && in_order) {
        FreshnessByTail(*column, m);
        return nullptr;
    }
    throw TooLarge("the newest " + column->name + " of " + facts_.relation +
                       " cannot be found without reading about " + Count(facts_.rows) + " rows",
                   "CREATE INDEX CONCURRENTLY ON " + facts_.relation + " (" + Quoted(column->name) + ");");
}

void Visit::FreshnessByIndex(const std::string& column, const std::vector<Moment>& moments, bool learning,
                             CheckMeasurement& m) {
    const std::string name = "t." + Quoted(column);
    std::string values;
    for (size_t i = 0; i < moments.size(); ++i)
        values += (i ? ", (" : "(") + std::to_string(i) + ", " + At(moments[i]) + ")";
    const std::string help = "ANALYZE " + facts_.relation + ";";
    const source::Rows rows = guard_.Query(
        "SELECT extract(epoch FROM p.at - (SELECT " + name + " FROM " + facts_.relation + " AS t WHERE " +
            name + " <= p.at ORDER BY " + name + " DESC LIMIT 1)::timestamptz) FROM (VALUES " + values +
            ") AS p(place, at) ORDER BY p.place",
        help);
    std::vector<std::optional<double>> ages;
    for (const auto& row : rows.values) ages.push_back(source::ToOptionalNumber(row[0]));
    TakeAges(ages, m);
    m.rows = static_cast<double>(moments.size());
    if (!m.age) return;
    const source::Rows gap = guard_.Query(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY g.gap) FROM (SELECT extract(epoch FROM a.at - "
        "lag(a.at) "
        "OVER (ORDER BY a.at))::float8 AS gap FROM (SELECT " +
            name + "::timestamptz AS at FROM " + facts_.relation + " AS t WHERE " + name +
            " <= " + At(limits_.now) + " ORDER BY " + name + " DESC LIMIT 101) AS a) AS g WHERE g.gap > 0",
        help);
    m.gap = source::ToOptionalNumber(gap.values.at(0)[0]);
    if (!learning) return;
    const source::Rows oldest = guard_.Query("SELECT extract(epoch FROM " + At(limits_.now) + " - (SELECT " +
                                                 name + " FROM " + facts_.relation + " AS t WHERE " + name +
                                                 " IS NOT NULL ORDER BY " + name + " LIMIT 1)::timestamptz)",
                                             help);
    m.oldest = source::ToOptionalNumber(oldest.values.at(0)[0]);
}

std::function<void(CheckMeasurement&)> Visit::FreshnessByScan(const std::string& column,
                                                              const std::vector<Moment>& moments) {
    const std::string name = "t." + Quoted(column);
    std::vector<size_t> places;
    for (const Moment moment : moments)
        places.push_back(scan_.Maximum("CASE WHEN " + name + " <= " + At(moment) +
                                       " THEN extract(epoch FROM " + name + "::timestamptz) END"));
    const size_t oldest = scan_.Maximum("-extract(epoch FROM " + name + "::timestamptz)");
    return [this, places, oldest, moments](CheckMeasurement& m) {
        constexpr double kEpoch = 946684800;  // 2000-01-01 in seconds since 1970
        std::vector<std::optional<double>> ages;
        for (size_t i = 0; i < places.size(); ++i) {
            const std::optional<double> newest = source::ToOptionalNumber(scan_.Largest(places[i]));
            ages.push_back(newest
                               ? std::optional(static_cast<double>(moments[i]) / kSecond + kEpoch - *newest)
                               : std::nullopt);
        }
        TakeAges(ages, m);
        if (const auto first = source::ToOptionalNumber(scan_.Largest(oldest)))
            m.oldest = static_cast<double>(moments[0]) / kSecond + kEpoch + *first;
        TakeSample(m);
    };
}

// Rows are stored in order of time, so the newest are in the last pages.
void Visit::FreshnessByTail(const CatalogColumn& column, CheckMeasurement& m) {
    const std::string name = "t." + Quoted(column.name);
    const auto tail =
        std::max<int64_t>(8, static_cast<int64_t>(static_cast<double>(facts_.pages) * limits_.sample_rows /
                                                  std::max(facts_.rows, 1.0) / 10));
    const int64_t first = std::max<int64_t>(0, facts_.pages - tail);
    const source::Rows rows = guard_.Query(
        "SELECT extract(epoch FROM " + At(limits_.now) + " - pg_catalog.max(" + name +
            ")::timestamptz), pg_catalog.count(*) FROM " + facts_.relation + " AS t WHERE t.ctid >= '(" +
            std::to_string(first) + ",0)'::tid AND " + name + " <= " + At(limits_.now),
        "CREATE INDEX CONCURRENTLY ON " + facts_.relation + " (" + Quoted(column.name) + ");");
    m.age = source::ToOptionalNumber(rows.values.at(0)[0]);
    m.rows = source::ToOptionalNumber(rows.values[0][1]).value_or(0);
    m.sampled =
        static_cast<double>(facts_.pages - first) / static_cast<double>(std::max<int64_t>(facts_.pages, 1));
    m.basis = "as of the last " + Count(static_cast<double>(facts_.pages - first)) + " pages";
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
    RequireColumn(facts_, check.columns.front());
    const size_t bad = scan_.CountWhere(BadCondition(check));
    return [this, bad](CheckMeasurement& m) {
        m.bad = scan_.Counted(bad);
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
    RequireColumn(facts_, check.columns.front());
    // Also with a foreign key: rows that came while its triggers were off (a restore, a replica) leave no
    // trace in the catalog.
    const size_t bad = scan_.CountWhere(BadCondition(check));
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
        case CheckType::kFreshness: return Freshness(check, m);
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
