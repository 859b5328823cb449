// pulse_expected_sizes(): the sizes of a segment beside what its history let expect.
#include <algorithm>
#include <cmath>

#include "pulse/base/error.hpp"
#include "pulse/drift/store.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::drift {

namespace {

using pg::Value;

constexpr int64_t kMostSnapshots = 10'000;
constexpr int64_t kMostRanges = 500;  // that are computed; those between have the width of the one before
constexpr double kUnlikely = 0.01;    // the range holds 99 of 100 sizes

int64_t CheckLast(int64_t last) {
    if (last >= 1 && last <= kMostSnapshots) return last;
    throw UserError(sqlstate::kInvalidParameter, "invalid number of snapshots",
                    "\"last\" is " + std::to_string(last) + ".",
                    "It is from 1 to " + std::to_string(kMostSnapshots) + ".");
}

std::optional<Moment> OldestOf(int64_t segment, int64_t last, Moment now) {
    static pg::Statement statement(
        "SELECT min(n.taken_at) FROM (SELECT taken_at FROM pulse.snapshot WHERE segment_id = $1"
        " AND taken_at <= $2 ORDER BY taken_at DESC LIMIT $3) AS n",
        {INT8OID, TIMESTAMPTZOID, INT8OID});
    return statement.Execute({Value::Int8(segment), Value::Time(now), Value::Int8(last)})[0].TimeOrNull(0);
}

// The ranges of a series. Each costs far more than its forecast, and a chart has fewer pixels than points.
class Ranges {
  public:
    explicit Ranges(int64_t points) : every_((points + kMostRanges - 1) / kMostRanges) {}

    Forecast::Range Next(const Expectation& expected) {
        if (until_next_-- == 0) {
            until_next_ = every_ - 1;
            level_ = expected.level;
            range_ = expected.forecast.Likely(kUnlikely);
        }
        const double moved = expected.level / level_;
        return {range_.low * moved, range_.high * moved};
    }

  private:
    int64_t every_, until_next_ = 0;
    double level_ = 1;
    Forecast::Range range_;
};

void AddPoint(pg::ResultSet& results, const Point& point, const std::optional<Expectation>& expected,
              Ranges& ranges) {
    const auto rounded = [](double value) { return Value::Float8(std::round(value * 10) / 10); };
    std::vector<Value> row = {Value::Time(point.moment),
                              Value::Int8(point.ok ? std::optional(point.size) : std::nullopt)};
    if (expected) {
        const Forecast::Range range = ranges.Next(*expected);
        for (const double value : {expected->level, range.low, range.high}) row.push_back(rounded(value));
    } else {
        row.resize(5, Value::Float8(std::nullopt));
    }
    results.Add(row);
}

void AddExpectedSizes(pg::ResultSet& results, const segment::Segment& segment, int64_t last) {
    const Moment now = pg::Now();
    const std::optional<Moment> since = OldestOf(segment.id, last, now);
    if (!since) return;
    CheckedSegment checked;
    checked.id = segment.id;
    checked.cadence = std::max<int64_t>(segment.cadence, kSecond);
    checked.baseline_from = segment.baseline_from;
    checked.pinned_snapshot = segment.pinned_snapshot;
    const Thresholds thresholds = ThresholdsFromSettings();
    std::vector<History> histories =
        ReadHistories({checked}, now, thresholds, HistoryRange::kUnchecked, *since);
    History& history = histories.front();
    const IncidentTracker tracker =
        ReadIncidentTrackers({checked}, history.points.front().moment, now, thresholds).front();
    history.muted = MutedSpans(ReadMutes(), "segment", segment.name, segment::SourcesOf(segment.definition));
    Ranges ranges(std::count_if(history.points.begin(), history.points.end(),
                                [&](const Point& point) { return point.moment >= *since; }));
    for (size_t i = 0; i < history.points.size(); ++i) {
        pg::CheckInterrupts();
        if (history.points[i].moment < *since) continue;
        AddPoint(results, history.points[i], ExpectSize(history, i, tracker.Excluded(), thresholds), ranges);
    }
}

}  // namespace

}  // namespace pulse::drift

PULSE_FUNCTION(pulse_expected_sizes) {
    const pulse::pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "segment");
    const int64_t last = pulse::drift::CheckLast(args.RequireInt8(1, "last"));
    pulse::pg::ResultSet results(fcinfo);
    const pulse::pg::OwnerSession session;
    pulse::drift::AddExpectedSizes(results, pulse::segment::Load(name), last);
    return pulse::pg::ResultSet::Done();
}
