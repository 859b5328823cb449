// Subscriptions as consumers of what happens to people: each receives everything since its beginning exactly
// once. A position is given to a row that is committed, so that what commits later comes later.
#include "pulse/delivery/feed.hpp"

#include <algorithm>
#include <array>

#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_by_index.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/person_ids_sql.hpp"
#include "pulse/profile/store_feed_writer.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Maximum number of rows that are read, get positions or are deleted in one transaction: the worker sends
// nothing during it.
constexpr int64_t kMostRows = 10'000;

bool IsAboutProfiles(const std::string& event) {
    constexpr std::array kKinds = {kEventReceived, kProfileCreated, kProfileUpdated, kProfileMerged,
                                   kConsentUpdated};
    return std::find(kKinds.begin(), kKinds.end(), event) != kKinds.end();
}

// What all subscriptions have is deleted, so the newest position may be that of a subscription.
int64_t LastGivenPosition() {
    static pg::Statement statement(
        "SELECT greatest((SELECT max(a.position) FROM pulse.feed_item AS a WHERE a.position IS NOT NULL),"
        " (SELECT max(c.position) FROM pulse.feed_consumer AS c), 0)",
        {});
    return statement.Execute({})[0].Int8(0);
}

bool HasNewRows() {
    static pg::Statement any("SELECT EXISTS (SELECT FROM pulse.feed_item WHERE position IS NULL)", {});
    return any.Execute({})[0].Bool(0);
}

// False while another session does it.
bool GivePositions() {
    static pg::Statement give(
        "UPDATE pulse.feed_item AS a SET position = n.position FROM (SELECT f.id,"
        " $1 + row_number() OVER (ORDER BY f.id) AS position FROM (SELECT id FROM pulse.feed_item"
        " WHERE position IS NULL ORDER BY id LIMIT $2) AS f) AS n WHERE a.id = n.id",
        {INT8OID, INT8OID});
    if (!HasNewRows()) return true;
    if (!pg::TryLock("feed", 0)) return false;
    give.Execute({Value::Int8(LastGivenPosition()), Value::Int8(kMostRows)});
    return true;
}

void PlaceBehind(const std::string& subscription) {
    static pg::Statement statement(
        "INSERT INTO pulse.feed_consumer AS c (subscription, position, after_id, created_at)"
        " SELECT $1, $2, CASE WHEN q.is_called THEN q.last_value ELSE 0 END, $3"
        " FROM pulse.feed_item_id_seq AS q ON CONFLICT (subscription) DO UPDATE"
        " SET position = excluded.position, after_id = excluded.after_id, created_at = excluded.created_at",
        {TEXTOID, INT8OID, TIMESTAMPTZOID});
    const delivery::ByIndex by_index;
    statement.Execute({Value::Text(subscription), Value::Int8(LastGivenPosition()), Value::Time(pg::Now())});
    pg::Watch::Announce("feed_consumer");
}

// With the lock, transactions that write events have committed, or start later and see the subscription: no
// smaller id can appear any more.
void BeginFeed(const std::string& subscription) {
    if (GetListener().keep_writers_out) GetListener().keep_writers_out();
    PlaceBehind(subscription);
}

void EndFeed(const std::string& subscription) {
    static pg::Statement statement("DELETE FROM pulse.feed_consumer WHERE subscription = $1", {TEXTOID});
    if (statement.Execute({Value::Text(subscription)}).processed() > 0) pg::Watch::Announce("feed_consumer");
}

std::vector<std::string> BegunFeeds() {
    static pg::Statement statement(
        "SELECT coalesce(array_agg(subscription ORDER BY subscription), '{}') FROM pulse.feed_consumer", {});
    return statement.Execute({}, true)[0].Texts(0);
}

// The last of the next kMostRows positions.
int64_t ReachFrom(int64_t position, int64_t last) {
    static pg::Statement statement(
        "SELECT max(n.position) FROM (SELECT a.position FROM pulse.feed_item AS a"
        " WHERE a.position > $1 AND a.position <= $2 ORDER BY a.position LIMIT $3) AS n",
        {INT8OID, INT8OID, INT8OID});
    return statement.Execute({Value::Int8(position), Value::Int8(last), Value::Int8(kMostRows)})[0]
        .Int8OrNull(0)
        .value_or(last);
}

// The ids are those of the person's own profiles: one that was merged meanwhile keeps its own.
pg::Result ReadFeed(const delivery::FeedQuery& query, int64_t position, int64_t reach, int64_t after_id) {
    static pg::Statement statement(
        "SELECT a.position, 'msg_' || left(encode(sha256(convert_to(concat_ws(' ', 'feed', a.id, a.kind,"
        " a.profile_id, extract(epoch FROM a.at)), 'UTF8')), 'hex'), 32), a.kind, a.profile_id, a.at,"
        " (a.data || jsonb_build_object('profile_id', a.profile_id, 'user_id', ids.user_id, 'anonymous_id',"
        " CASE WHEN ids.user_id IS NULL THEN ids.anonymous_id END, 'merged_into',"
        " nullif(p.canonical_id, a.profile_id)))::text"
        " FROM pulse.feed_item AS a LEFT JOIN pulse.profile AS p ON p.id = a.profile_id"
        PULSE_PERSON_IDS("a.profile_id")
        " WHERE a.position > $1 AND a.position <= $2 AND a.id > $3 AND a.at >= $4 AND a.kind = ANY ($5)"
        " ORDER BY a.position LIMIT $6",
        {INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, TEXTARRAYOID, INT8OID});
    return statement.Execute({Value::Int8(position), Value::Int8(reach), Value::Int8(after_id),
                              Value::Time(query.oldest), Value::Texts(query.events),
                              Value::Int8(query.most)});
}

void DeleteTaken() {
    static pg::Statement statement(
        "DELETE FROM pulse.feed_item WHERE id = ANY (ARRAY(SELECT a.id FROM pulse.feed_item AS a"
        " WHERE a.position <= (SELECT min(c.position) FROM pulse.feed_consumer AS c)"
        " ORDER BY a.position LIMIT $1))",
        {INT8OID});
    statement.Execute({Value::Int8(kMostRows)});
}

delivery::TakenEvents TakeFeed(const delivery::FeedQuery& query) {
    static pg::Statement place(
        "SELECT position, after_id FROM pulse.feed_consumer WHERE subscription = $1 FOR UPDATE", {TEXTOID});
    static pg::Statement move("UPDATE pulse.feed_consumer SET position = $2 WHERE subscription = $1",
                              {TEXTOID, INT8OID});
    delivery::TakenEvents taken;
    const delivery::ByIndex by_index;
    const pg::Result known = place.Execute({Value::Text(query.subscription)});
    if (known.empty()) {
        // Restored from a dump, or its channel was dropped for a while.
        PlaceBehind(query.subscription);
        return taken;
    }
    const int64_t position = known[0].Int8(0);
    taken.busy = !GivePositions();
    const int64_t last = LastGivenPosition(), reach = ReachFrom(position, last);
    const pg::Result rows = ReadFeed(query, position, reach, known[0].Int8(1));
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        const pg::Row row = rows[i];
        taken.events.push_back(
            {row.Text(1), row.Text(2), row.Int8(3), row.Time(4), delivery::ReadObject(row, 5)});
    }
    // If fewer rows than the limit were found, the skipped ones are consumed, too.
    const int64_t reached =
        static_cast<int64_t>(rows.size()) < query.most ? reach : rows[rows.size() - 1].Int8(0);
    if (reached != position) {
        move.Execute({Value::Text(query.subscription), Value::Int8(reached)});
        DeleteTaken();
    }
    taken.more = reached < last || (!taken.busy && HasNewRows());
    return taken;
}

bool IsWaiting(const std::string& subscription) {
    const delivery::ByIndex by_index;
    static pg::Statement place("SELECT position FROM pulse.feed_consumer WHERE subscription = $1", {TEXTOID});
    const pg::Result known = place.Execute({Value::Text(subscription)});
    return known.empty() || known[0].Int8(0) < LastGivenPosition() || HasNewRows();
}

[[maybe_unused]] const bool people_feed =
    delivery::RegisterFeed({IsAboutProfiles, BeginFeed, EndFeed, BegunFeeds, TakeFeed, IsWaiting});

// Ids ascend with the time: only the first rows are looked at.
[[maybe_unused]] const bool feed_retention = pg::RegisterRetention(
    {{.order = 130,
      .what = "events about people that nobody took",
      .minutes = &pg::settings::notify_within,
      .sql = "DELETE FROM pulse.feed_item WHERE id = ANY (ARRAY(SELECT f.id FROM (SELECT a.id, a.at"
             " FROM pulse.feed_item AS a ORDER BY a.id LIMIT $2) AS f WHERE f.at < $1))"}});

}  // namespace

}  // namespace pulse::profile
