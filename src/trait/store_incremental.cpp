#include "pulse/trait/store_incremental.hpp"

#include <algorithm>

#include "pulse/pg/jsonb.hpp"
#include "pulse/trait/affected.hpp"

namespace pulse::trait {

namespace {

using rule::Aggregate;

constexpr Moment kSecond = 1'000'000;

std::unique_ptr<pg::Expression> OfProperties(const std::string& sql) {
    return sql.empty() ? nullptr : std::make_unique<pg::Expression>(sql, std::vector<Oid>{JSONBOID});
}

}  // namespace

IncrementalMetric::IncrementalMetric(const rule::IncrementalSpec& spec)
    : spec_(spec),
      window_(spec.window * kSecond),
      usable_(OfProperties(spec.usable)),
      number_(OfProperties(spec.number)) {}

bool IncrementalMetric::Matches(const profile::NewEvent& event) {
    if (!usable_) return true;
    const Datum properties = PointerGetDatum(event.properties);
    const bool given = false;
    bool null = true;
    const Datum counts = usable_->Eval(&properties, &given, &null);
    return !null && DatumGetBool(counts);
}

bool IncrementalMetric::Add(const profile::NewEvent& event, Moment now, MetricValue& measured) {
    const EventPosition position = FindPosition(event.time, now, window_);
    if (position == EventPosition::kInFuture) return false;
    if (position == EventPosition::kTooOld || !Matches(event)) return true;
    const Moment leaves = window_ == 0 ? pg::kHoldsForEver : event.time + window_;
    const Moment before = measured.until;
    const auto seen = [&](Moment time) { measured.value = pg::Value::Time(time); };
    const Moment kept = measured.value.null || measured.value.type != TIMESTAMPTZOID
                            ? 0
                            : DatumGetTimestampTz(measured.value.datum);
    measured.until = std::min(before, leaves);
    switch (spec_.aggregate) {
        case Aggregate::kCount: measured.value.datum = pg::AddOne(measured.value.datum); return true;
        case Aggregate::kSum: {
            const Datum properties = PointerGetDatum(event.properties);
            const bool given = false;
            bool null = true;
            const Datum number = number_->Eval(&properties, &given, &null);
            if (!null) measured.value.datum = pg::AddNumbers(measured.value.datum, number);
            return true;
        }
        case Aggregate::kExists:
            // True until the newest event leaves the window.
            if (DatumGetBool(measured.value.datum))
                measured.until = std::max(before, leaves);
            else
                measured.until = leaves;
            measured.value = pg::Value::Bool(true);
            return true;
        case Aggregate::kFirstSeen:
            seen(measured.value.null ? event.time : std::min(kept, event.time));
            return true;
        case Aggregate::kLastSeen:
            if (measured.value.null) {
                seen(event.time);
                return true;
            }
            // `before` is not when the newest event leaves: an event in the future enters the window then.
            if (window_ != 0 && before != kept + window_) return false;
            seen(std::max(kept, event.time));
            if (window_ != 0) measured.until = std::max(before, leaves);
            return true;
        default: return false;
    }
}

}  // namespace pulse::trait
