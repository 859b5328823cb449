// What the job retention does for this room.
#include "pulse/pg/background.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_ingest.hpp"
#include "pulse/profile/store_partition.hpp"

namespace pulse::profile {

namespace {

int64_t FoldTalliesInRetention(Moment, int64_t rows) {
    return FoldTallies(rows);
}

int64_t FoldActivityInRetention(Moment, int64_t rows) {
    return FoldActivity(rows, true);
}

// There are partitions for the next events.
int64_t EnsureEventPartitions(Moment, int64_t) {
    EnsurePartitions("event", pg::WallClock(), pg::WallClock() + 31 * kDay);
    return 0;
}

[[maybe_unused]] const bool retention_registered =
    pg::RegisterRetention({{.order = 110,
                            .what = "ids of messages",
                            .minutes = &pg::settings::deduplication_horizon,
                            .work = DeleteOldMessages},
                           {.order = 120,
                            .what = "rejected events",
                            .minutes = &pg::settings::rejected_event_retention,
                            .work = DeleteOldRejected},
                           {.order = 140, .what = nullptr, .work = FoldTalliesInRetention},
                           {.order = 141, .what = nullptr, .work = FoldActivityInRetention},
                           {.order = 142,
                            .what = nullptr,
                            .minutes = &pg::settings::event_retention,
                            .sql = "DELETE FROM pulse.event_day WHERE ctid = ANY (ARRAY(SELECT d.ctid"
                                   " FROM pulse.event_day AS d WHERE d.day < ($1 AT TIME ZONE 'UTC')::date"
                                   " LIMIT $2))"},
                           {.order = 144,
                            .what = nullptr,
                            .minutes = &pg::settings::event_retention,
                            .sql = "DELETE FROM pulse.event_hour WHERE ctid = ANY (ARRAY(SELECT h.ctid"
                                   " FROM pulse.event_hour AS h WHERE h.hour < $1 LIMIT $2))"},
                           {.order = 145,
                            .what = nullptr,
                            .minutes = &pg::settings::event_retention,
                            .sql = "DELETE FROM pulse.event_source_hour WHERE ctid = ANY (ARRAY("
                                   "SELECT h.ctid FROM pulse.event_source_hour AS h WHERE h.hour < $1"
                                   " LIMIT $2))"},
                           {.order = 146,
                            .what = nullptr,
                            .minutes = &pg::settings::event_retention,
                            .sql = "DELETE FROM pulse.event_property_day WHERE ctid = ANY (ARRAY("
                                   "SELECT d.ctid FROM pulse.event_property_day AS d"
                                   " WHERE d.day < ($1 AT TIME ZONE 'UTC')::date LIMIT $2))"},
                           {.order = 150, .what = nullptr, .work = EnsureEventPartitions}});

}  // namespace

}  // namespace pulse::profile
