// Measures how old a table's newest row is, and the silences of its past: by an index, by one scan, or by the
// last pages.
#include <algorithm>
#include <cmath>
#include <limits>

#include "pulse/health/arrival_pattern.hpp"
#include "pulse/health/measure.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::health {

namespace {

constexpr double kEpoch = 946684800;  // 2000-01-01 in seconds since 1970
constexpr double kClocksDiffer = 60;  // seconds; less than this ahead is no future

std::string At(Moment moment) {
    return source::Literal(FormatMoment(moment)) + "::timestamptz";
}

std::optional<Moment> ToMoment(const source::Cell& seconds) {
    const std::optional<double> number = source::ToOptionalNumber(seconds);
    if (!number) return std::nullopt;
    return std::llround((*number - kEpoch) * kSecond);
}

// The column with the arrival times: instants, or the local time of a zone. Infinite times are no arrivals.
class ArrivalTime {
  public:
    ArrivalTime(const CatalogColumn& column, const std::string& zone)
        : name("t." + Quoted(column.name)),
          zoned_(column.base == "timestamp with time zone"),
          day_(column.base == "date"),
          zone_(source::Literal(zone.empty() ? "UTC" : zone)) {}

    // An instant as the column stores it.
    std::string Stored(const std::string& instant) const {
        return zoned_ ? instant : "(" + instant + " AT TIME ZONE " + zone_ + ")";
    }
    // The column's value as a timestamp; a date may lie beyond what those hold.
    std::string Value() const { return day_ ? "least(" + name + ", '9999-01-01')::timestamp" : name; }
    // Seconds since 1970 of such a value.
    std::string Epoch(const std::string& value) const {
        return "extract(epoch FROM " + (zoned_ ? value : value + " AT TIME ZONE " + zone_) + ")";
    }
    // Instants as the column stores them.
    std::string Array(const std::vector<Moment>& moments) const {
        std::string list;
        for (const Moment moment : moments) list += (list.empty() ? "" : ", ") + Stored(At(moment));
        return "ARRAY[" + list + "]";
    }

    const std::string name;

  private:
    bool zoned_, day_;
    std::string zone_;
};

// The newest row at or before a moment, and the oldest one after it.
struct Around {
    std::optional<Moment> before, after;
};

class FreshnessVisit {
  public:
    FreshnessVisit(const TableFacts& facts, const CatalogColumn& column, const Check& check,
                   const ReadLimits& limits, PlanGuard& guard, CheckMeasurement& m)
        : facts_(facts), time_(column, check.time_zone), now_(limits.now), guard_(guard), m_(m) {
        if (!check.max_age) moments_ = PastMoments(now_);
        moments_.push_back(now_);
    }

    void ByIndex();
    void ByScan();
    void ByTail(double sample_rows);

  private:
    std::string From() const { return " FROM " + facts_.relation + " AS t"; }
    std::string Until() const { return time_.name + " <= " + time_.Stored(At(now_)); }
    // Without the column's own time zone, local times of the east lie in the future.
    std::string Clock() const { return "greatest(" + At(now_) + ", pg_catalog.statement_timestamp())"; }
    // What was read around each of the moments.
    void Take(const std::vector<Around>& around);
    void TakeAhead(const source::Cell& seconds);
    void TakeInfinite(const source::Cell& late, const source::Cell& early);

    const TableFacts& facts_;
    const ArrivalTime time_;
    Moment now_;
    PlanGuard& guard_;
    CheckMeasurement& m_;
    std::vector<Moment> moments_;  // ascending; the last is now
};

void FreshnessVisit::Take(const std::vector<Around>& around) {
    for (size_t i = 0; i + 1 < around.size(); ++i)
        if (around[i].before && around[i].after)
            m_.silences.push_back({moments_[i], *around[i].before, *around[i].after});
    if (const auto newest = around.back().before) m_.age = static_cast<double>(now_ - *newest) / kSecond;
}

void FreshnessVisit::TakeAhead(const source::Cell& seconds) {
    const std::optional<double> ahead = source::ToOptionalNumber(seconds);
    if (ahead && *ahead > kClocksDiffer) m_.ahead = ahead;
}

void FreshnessVisit::TakeInfinite(const source::Cell& late, const source::Cell& early) {
    m_.infinite = late == "t"    ? early == "t" ? "infinity and -infinity" : "infinity"
                  : early == "t" ? "-infinity"
                                 : "";
}

void FreshnessVisit::ByIndex() {
    const std::string &name = time_.name, help = "ANALYZE " + facts_.relation + ";";
    std::string values;
    for (size_t i = 0; i < moments_.size(); ++i)
        values += (i ? ", (" : "(") + std::to_string(i) + ", " + At(moments_[i]) + ")";
    const std::string seconds = time_.Epoch(time_.Value()), at = time_.Stored("p.at");
    const source::Rows rows =
        guard_.Query("SELECT (SELECT " + seconds + From() + " WHERE " + name + " <= " + at + " AND " + name +
                         " > '-infinity' ORDER BY " + name + " DESC LIMIT 1), (SELECT " + seconds + From() +
                         " WHERE " + name + " > " + at + " AND " + Until() + " ORDER BY " + name +
                         " LIMIT 1) FROM (VALUES " + values + ") AS p(place, at) ORDER BY p.place",
                     help);
    std::vector<Around> around;
    for (const auto& row : rows.values) around.push_back({ToMoment(row[0]), ToMoment(row[1])});
    Take(around);
    m_.rows = static_cast<double>(moments_.size());
    const source::Rows odd = guard_.Query(
        "SELECT (SELECT " + seconds + " - extract(epoch FROM " + Clock() + ")" + From() + " WHERE " + name +
            " > " + time_.Stored(Clock()) + " AND " + name + " < 'infinity' ORDER BY " + name +
            " DESC LIMIT 1), EXISTS (SELECT" + From() + " WHERE " + name + " = 'infinity'), EXISTS (SELECT" +
            From() + " WHERE " + name + " = '-infinity')",
        help);
    TakeAhead(odd.values.at(0)[0]);
    TakeInfinite(odd.values[0][1], odd.values[0][2]);
    if (!m_.age) return;
    const source::Rows gap = guard_.Query(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY g.gap) FROM (SELECT (a.at - lag(a.at) OVER "
        "(ORDER BY a.at))::float8 AS gap FROM (SELECT " +
            seconds + " AS at" + From() + " WHERE " + Until() + " AND " + name + " > '-infinity' ORDER BY " +
            name + " DESC LIMIT 101) AS a) AS g WHERE g.gap > 0",
        help);
    m_.gap = source::ToOptionalNumber(gap.values.at(0)[0]);
}

// The newest and the oldest row between two moments that follow each other say what lies around each of them.
void FreshnessVisit::ByScan() {
    std::vector<Moment> borders = moments_;
    for (Moment& border : borders) ++border;  // a row at the moment itself lies before it
    const source::Rows rows = guard_.Query(
        "SELECT s.place, " + time_.Epoch("max(s.at)") + ", " + time_.Epoch("min(s.at)") +
            ", pg_catalog.count(*), extract(epoch FROM " + Clock() +
            "), pg_catalog.bool_or(s.at = 'infinity'), pg_catalog.bool_or(s.at = '-infinity') FROM (SELECT " +
            time_.Value() + " AS at, CASE WHEN pg_catalog.isfinite(" + time_.name +
            ") THEN pg_catalog.width_bucket(" + time_.Value() + ", " + time_.Array(borders) +
            ") END AS place" + From() + ") AS s GROUP BY s.place",
        "Monitor the tables behind " + facts_.relation + ", or raise pulse.row_limit.");
    std::vector<Around> between(moments_.size());  // the newest and the oldest since the moment before
    for (const auto& row : rows.values) {
        m_.rows += source::ToNumber(row[3]);
        if (!row[0]) {
            TakeInfinite(row[5], row[6]);
        } else if (const auto place = static_cast<size_t>(source::ToInteger(row[0]));
                   place < between.size()) {
            between[place] = {ToMoment(row[1]), ToMoment(row[2])};
        } else {
            TakeAhead(std::to_string(source::ToNumber(row[1]) - source::ToNumber(row[4])));
        }
    }
    std::vector<Around> around(moments_.size());
    for (size_t i = 0; i < around.size(); ++i)
        around[i].before = between[i].before || i == 0 ? between[i].before : around[i - 1].before;
    for (size_t i = around.size() - 1; i > 0; --i)
        around[i - 1].after = between[i].after ? between[i].after : around[i].after;
    Take(around);
}

// Rows are stored in order of time, so the newest are in the last pages.
void FreshnessVisit::ByTail(double sample_rows) {
    const auto pages = static_cast<double>(facts_.pages);
    const auto tail =
        std::max<int64_t>(8, static_cast<int64_t>(pages * sample_rows / std::max(facts_.rows, 1.0) / 10));
    const int64_t first = std::max<int64_t>(0, facts_.pages - tail);
    const std::string value = time_.Value(),
                      finite = " FILTER (WHERE pg_catalog.isfinite(" + time_.name + ")";
    const source::Rows rows =
        guard_.Query("SELECT " + time_.Epoch("max(" + value + ")" + finite + " AND " + Until() + ")") + ", " +
                         time_.Epoch("max(" + value + ")" + finite + ")") + " - extract(epoch FROM " +
                         Clock() + "), pg_catalog.count(*), pg_catalog.bool_or(" + time_.name +
                         " = 'infinity'), pg_catalog.bool_or(" + time_.name + " = '-infinity')" + From() +
                         " WHERE t.ctid >= '(" + std::to_string(first) + ",0)'::tid",
                     "CREATE INDEX CONCURRENTLY ON " + facts_.relation + " (" + time_.name.substr(2) + ");");
    const auto& row = rows.values.at(0);
    Take({{ToMoment(row[0]), std::nullopt}});
    TakeAhead(row[1]);
    m_.rows = source::ToOptionalNumber(row[2]).value_or(0);
    TakeInfinite(row[3], row[4]);
    m_.sampled = (pages - static_cast<double>(first)) / std::max(pages, 1.0);
    m_.basis = "as of the last " + Count(pages - static_cast<double>(first)) + " pages";
}

}  // namespace

void MeasureFreshness(const TableFacts& facts, const Check& check, const ReadLimits& limits, PlanGuard& guard,
                      CheckMeasurement& m) {
    const CatalogColumn* column =
        check.columns.empty() ? ArrivalColumn(facts) : &RequireColumn(facts, check.columns.front());
    if (!column)
        throw UserError(sqlstate::kUndefinedColumn,
                        facts.relation + " has no column with the arrival time of rows", "",
                        "Name a timestamp column in the check.");
    m.replica_late = facts.replica_late;
    FreshnessVisit visit(facts, *column, check, limits, guard, m);
    if (facts.IndexOn(column->name) && facts.sampled()) return visit.ByIndex();
    if (facts.rows <= limits.row_limit) return visit.ByScan();
    const bool in_order = (facts.kind == 'r' || facts.kind == 'm') && !facts.has_children &&
                          column->correlation && *column->correlation > 0.9;
    if (check.max_age && in_order) return visit.ByTail(limits.sample_rows);
    throw TooLarge("the newest " + column->name + " of " + facts.relation +
                       " cannot be found without reading about " + Count(facts.rows) + " rows",
                   "CREATE INDEX CONCURRENTLY ON " + facts.relation + " (" + Quoted(column->name) + ");");
}

}  // namespace pulse::health
