// The size of an audience and its match rate, as the platform reports them, beside the ledger.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/size_check.hpp"
#include "pulse/audience/store_alarm.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_signal.hpp"

namespace pulse::audience {

namespace {

[[maybe_unused]] const bool size_events_registered = delivery::RegisterEventNames({"audience.parted"});

using pg::Value;

constexpr double kAlarmingMatch = 0.5;

// People who were added or removed within the settling time.
int64_t MovedLately(int64_t audience, const Run& run) {
    return pg::Execute(
               "SELECT coalesce(sum(r.added + r.removed), 0)::bigint FROM pulse.sync_run AS r WHERE r.audience_id = $1"
               " AND (r.id = $2 OR r.finished_at > $3)",
               {Value::Int8(audience), Value::Int8(run.id),
                Value::Time(pg::Now() - pg::settings::audience_settling * kMinute)})[0]
        .Int8(0);
}

// Not again before the platform has had the time that a full comparison may take, or it would never end.
bool WasReplacedLately(const Audience& audience) {
    return pg::Execute("SELECT coalesce(replaced_at > $2, false) FROM pulse.audience WHERE id = $1",
                       {Value::Int8(audience.id), Value::Time(pg::Now() - audience.full_every)})[0]
        .Bool(0);
}

void AnnounceParted(const Audience& audience, const AudienceState& state, int64_t people,
                    const std::string& reason) {
    nlohmann::json event = {{"audience", audience.name},
                            {"destination", audience.destination},
                            {"segment", audience.segment},
                            {"people", people},
                            {"size_low", nullptr},
                            {"size_high", nullptr},
                            {"reason", reason}};
    if (state.size_low) event["size_low"] = *state.size_low;
    if (state.size_high) event["size_high"] = *state.size_high;
    delivery::PublishEvent("audience.parted", "audience:" + audience.name, event);
}

// What the health of the destination and of the audience is told.
void RecordMatchSignal(const Audience& audience, double low, double high) {
    trust::Signal signal;
    signal.name = "match_rate";
    signal.value = std::clamp((low + high) / 2, 0.0, 1.0);
    signal.source = audience.destination;
    signal.entity = "audience:" + audience.name;
    trust::RecordSignal(std::move(signal));
}

}  // namespace

void NoteMatchRate(const Audience& audience, const std::optional<double>& low,
                   const std::optional<double>& high, const char* source) {
    if (!low && !high) return;
    const double from = low ? *low : *high, to = high ? *high : *low;
    pg::Execute(
        "UPDATE pulse.audience SET match_low = $2, match_high = $3, match_source = $4, match_at = $5"
        " WHERE id = $1",
        {Value::Int8(audience.id), Value::Float8(from), Value::Float8(to), Value::Text(source),
         Value::Time(pg::Now())});
    RecordMatchSignal(audience, from, to);
    SetWarning(audience.id, "match", high && *high < kAlarmingMatch);
}

void RecordSize(const Audience& audience, const Destination& destination, const AudienceState& state) {
    pg::Execute(
        "UPDATE pulse.audience SET size_low = coalesce($2, size_low), size_high = coalesce($3,"
        " size_high), size_at = CASE WHEN $2 IS NULL AND $3 IS NULL THEN size_at ELSE $4 END"
        " WHERE id = $1",
        {Value::Int8(audience.id), Value::Int8(state.size_low), Value::Int8(state.size_high),
         Value::Time(pg::Now())});
    if (state.match_low || state.match_high) {
        NoteMatchRate(audience, state.match_low, state.match_high, "the platform's rate");
    } else if (state.size_low && state.size_high && audience.people > 0) {
        const auto share = [&](int64_t size) {
            return std::min(1.0, static_cast<double>(size) / static_cast<double>(audience.people));
        };
        NoteMatchRate(audience, share(*state.size_low), share(*state.size_high), "its size by people sent");
    }
    SetWarning(
        audience.id, "size",
        destination.minimum_size > 0 && state.size_high && *state.size_high < destination.minimum_size);
    SetWarning(audience.id, "expiring", state.expiring);
}

void CompareSize(const Run& run, const Audience& audience, const Destination& destination,
                 const std::optional<AudienceState>& state) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.sync_run AS r SET people = a.people, size_low = $2, size_high = $3 FROM pulse.audience AS a"
        " WHERE r.id = $1 AND a.id = r.audience_id RETURNING a.people, a.size_share, a.parted_at IS NOT NULL",
        {Value::Int8(run.id), Value::Int8(state ? state->size_low : std::nullopt),
         Value::Int8(state ? state->size_high : std::nullopt)});
    if (rows.empty() || !state || run.operation == "erase") return;
    SizeCounts counts;
    counts.people = rows[0].Int8(0);
    counts.low = state->size_low;
    counts.high = state->size_high;
    counts.usual_share = rows[0].Float8OrNull(1);
    counts.moved = MovedLately(audience.id, run);
    counts.least = destination.minimum_size;
    counts.tolerance = pg::settings::audience_size_tolerance;
    const SizeVerdict verdict = CheckSize(counts);
    if (!verdict.compared) return;
    const bool parted = verdict.parted && !WasReplacedLately(audience);
    pg::Execute(
        "UPDATE pulse.audience SET parted_at = CASE WHEN $2 THEN coalesce(parted_at, $3) END,"
        " compare_because = CASE WHEN $2 THEN $4 ELSE compare_because END,"
        " size_share = CASE WHEN $5 THEN size_share ELSE greatest(size_share, $6) END WHERE id = $1",
        {Value::Int8(audience.id), Value::Bool(parted), Value::Time(pg::Now()), Value::Text(verdict.reason),
         Value::Bool(verdict.parted), Value::Float8(verdict.share)});
    SetWarning(audience.id, "parted", verdict.parted);
    if (parted && !rows[0].Bool(2)) AnnounceParted(audience, *state, counts.people, verdict.reason);
}

void NoteReplaced(int64_t audience) {
    pg::Execute(
        "UPDATE pulse.audience SET replaced_at = $2, parted_at = NULL, size_share = NULL WHERE id = $1",
        {Value::Int8(audience), Value::Time(pg::Now())});
    SetWarning(audience, "parted", false);
}

}  // namespace pulse::audience
