// Recording exposures. Rows are never updated, so frequent users cause no hot rows.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/flag/store_evaluation_context.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_refusal.hpp"

namespace pulse::flag {

namespace {

constexpr const char* kSalt = "exposure";

// Samples the same people every day, so that changes of their variants are visible.
bool IsSampled(const std::string& id) {
    const double share = pg::settings::exposure_sample;
    return share >= 1 || (share > 0 && Bucket(kSalt, id) < share * kBuckets);
}

// Days since 2000-01-01, as in the type date.
int32_t DayOf(Moment moment) {
    return static_cast<int32_t>(moment >= 0 ? moment / kDay : -((-moment + kDay - 1) / kDay));
}

// An id that is too long for a person's id.
bool IsTooLong(const std::string& id) {
    constexpr size_t kMaxCharacters = 255;
    return CountCharacters(id) > kMaxCharacters;
}

[[maybe_unused]] const bool retention_registered = pg::RegisterRetention(
    {{.order = 130,
      .what = "exposures",
      .minutes = &pg::settings::exposure_retention,
      .sql = "DELETE FROM pulse.exposure WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM pulse.exposure AS e"
             " WHERE e.day < ($1 AT TIME ZONE 'UTC')::date ORDER BY e.day LIMIT $2))"}});

}  // namespace

bool RecordExposure(const StoredFlag& flag, const std::optional<profile::Person>& person,
                    const std::string& id, const std::string& variant) {
    if (IsTooLong(id) || !IsSampled(id) || (!person && profile::IsRefused(id))) return false;
    const Moment now = pg::Now();
    const pg::Value day{DATEOID, DateADTGetDatum(DayOf(now)), false};
    // The row usually exists already: then nothing is written and no transaction id is assigned.
    static const pg::Probe probe("exposure", "exposure_pkey", {1});
    if (probe.Find({day.datum, Int64GetDatum(flag.id), pg::FromText(id), pg::FromText(variant)}))
        return false;
    const pg::OwnerSession session;
    static pg::Statement insert(
        "INSERT INTO pulse.exposure (day, flag_id, bucketing_id, variant, version, profile_id, first_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT DO NOTHING",
        {DATEOID, INT8OID, TEXTOID, TEXTOID, INT4OID, INT8OID, TIMESTAMPTZOID});
    return insert
               .Execute({day, pg::Value::Int8(flag.id), pg::Value::Text(id), pg::Value::Text(variant),
                         pg::Value::Int4(flag.version),
                         person ? pg::Value::Int8(person->id) : pg::Value::Null(INT8OID),
                         pg::Value::Time(now)})
               .processed() > 0;
}

}  // namespace pulse::flag
