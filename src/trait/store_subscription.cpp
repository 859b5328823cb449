// Subscriptions as consumers of membership changes: each receives every change since its beginning exactly
// once.
#include "pulse/delivery/feed.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/person_ids_sql.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_live.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

// Maximum number of changes that are read, or get positions, in one transaction: the worker sends nothing
// during it.
constexpr int64_t kMostPassed = 10'000;

Value ConsumerName(const std::string& subscription) {
    return Value::Text(kSubscriptionPrefix + subscription);
}

void Place(const std::string& subscription) {
    static pg::Statement statement(
        "INSERT INTO pulse.change_consumer AS c (name, position, after_id, created_at) SELECT $1, $2, CASE"
        " WHEN q.is_called THEN q.last_value"
        " ELSE 0 END, $3 FROM pulse.membership_change_id_seq AS q ON CONFLICT (name) DO UPDATE"
        " SET position = excluded.position,"
        " after_id = excluded.after_id, created_at = excluded.created_at",
        {TEXTOID, INT8OID, TIMESTAMPTZOID});
    const ForceIndexPlans force_index_plans;
    statement.Execute({ConsumerName(subscription), Value::Int8(LastPosition()), Value::Time(pg::Now())});
    pg::Watch::Announce("change_consumer");
}

// With the lock, transactions that write events have committed, or start later and see the subscription: no
// smaller id can appear any more.
void BeginReading(const std::string& subscription) {
    LockDefinitions();
    Place(subscription);
}

void End(const std::string& subscription) {
    static pg::Statement statement("DELETE FROM pulse.change_consumer WHERE name = $1", {TEXTOID});
    if (statement.Execute({ConsumerName(subscription)}).processed() > 0)
        pg::Watch::Announce("change_consumer");
}

std::vector<std::string> Begun() {
    static pg::Statement statement(
        "SELECT coalesce(array_agg(substr(name, length('subscription:') + 1) ORDER BY name), '{}')"
        " FROM pulse.change_consumer"
        " WHERE name LIKE 'subscription:%'",
        {});
    return statement.Execute({}, true)[0].Texts(0);
}

// The last of the next kMostPassed positions.
int64_t Reach(int64_t position, int64_t last) {
    static pg::Statement statement(
        "SELECT max(n.position) FROM (SELECT c.position FROM pulse.membership_change AS c"
        " WHERE c.position > $1 AND c.position <= $2"
        " ORDER BY c.position LIMIT $3) AS n",
        {INT8OID, INT8OID, INT8OID});
    return statement.Execute({Value::Int8(position), Value::Int8(last), Value::Int8(kMostPassed)})[0]
        .Int8OrNull(0)
        .value_or(last);
}

// Skips quiet changes and those caused by a change of the definition. A merged person is reported with the
// ids of its own profiles: the survivor may stay a member.
pg::Result ReadChanges(const delivery::FeedQuery& query, int64_t position, int64_t reach, int64_t after_id) {
    static pg::Statement statement(
        "SELECT c.position, 'msg_' || left(encode(sha256(convert_to(concat_ws(' ', c.id, c.segment_id,"
        " c.profile_id, c.change,"
        " extract(epoch FROM c.at)), 'UTF8')), 'hex'), 32), 'segment.' || c.change, c.profile_id, c.at,"
        " x.text"
        " FROM pulse.membership_change AS c JOIN pulse.segment AS s ON s.id = c.segment_id"
        " LEFT JOIN pulse.profile AS p ON p.id = c.profile_id"
        PULSE_PERSON_IDS("c.profile_id")
        " CROSS JOIN LATERAL (SELECT jsonb_build_object('segment', s.name, 'version', c.version, 'owner',"
        " s.owner, 'tags', s.tags,"
        " 'change', c.change, 'cause', c.cause, 'position', c.position, 'profile_id', c.profile_id,"
        " 'merged_into', nullif(p.canonical_id, c.profile_id), 'user_id', ids.user_id,"
        " 'anonymous_id', CASE WHEN ids.user_id IS NULL THEN ids.anonymous_id END)::text AS text) AS x"
        " WHERE c.position > $1 AND c.position <= $2 AND c.id > $3 AND c.at >= $4 AND NOT c.quiet"
        " AND c.cause <> 'definition'"
        " AND 'segment.' || c.change = ANY ($5) AND ($6 = '{}' OR s.name = ANY ($6)) ORDER BY c.position"
        " LIMIT $7",
        {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID, INT8OID});
    return statement.Execute({Value::Int8(position), Value::Int8(reach), Value::Int8(after_id),
                              Value::Time(query.oldest), Value::Texts(query.events),
                              Value::Texts(query.segments), Value::Int8(query.most)});
}

delivery::TakenEvents Take(const delivery::FeedQuery& query) {
    static pg::Statement place(
        "SELECT position, after_id FROM pulse.change_consumer WHERE name = $1 FOR UPDATE", {TEXTOID});
    static pg::Statement move("UPDATE pulse.change_consumer SET position = $2 WHERE name = $1",
                              {TEXTOID, INT8OID});
    const ForceIndexPlans force_index_plans;
    delivery::TakenEvents taken;
    const pg::Result known = place.Execute({ConsumerName(query.subscription)});
    if (known.empty()) {
        // Restored from a dump, or its channel was dropped for a while.
        Place(query.subscription);
        return taken;
    }
    const int64_t position = known[0].Int8(0);
    taken.busy = !AssignPositions(kMostPassed, false);
    const int64_t last = LastPosition(), reach = Reach(position, last);
    const pg::Result rows = ReadChanges(query, position, reach, known[0].Int8(1));
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        const pg::Row row = rows[i];
        taken.events.push_back(
            {row.Text(1), row.Text(2), row.Int8(3), row.Time(4), delivery::ReadObject(row, 5)});
    }
    // If fewer rows than the limit were found, the skipped changes are consumed, too.
    const int64_t reached =
        static_cast<int64_t>(rows.size()) < query.most ? reach : rows[rows.size() - 1].Int8(0);
    if (reached != position) move.Execute({ConsumerName(query.subscription), Value::Int8(reached)});
    taken.more = reached < last || (!taken.busy && HasUnassignedPositions());
    return taken;
}

bool Waiting(const std::string& subscription) {
    static pg::Statement place("SELECT position FROM pulse.change_consumer WHERE name = $1", {TEXTOID});
    const ForceIndexPlans force_index_plans;
    const pg::Result known = place.Execute({ConsumerName(subscription)});
    return known.empty() || known[0].Int8(0) < LastPosition() || HasUnassignedPositions();
}

bool IsAboutMembers(const std::string& event) {
    return event == "segment.entered" || event == "segment.exited";
}

[[maybe_unused]] const bool feed_registered =
    delivery::RegisterFeed({IsAboutMembers, BeginReading, End, Begun, Take, Waiting});

}  // namespace

}  // namespace pulse::trait
