// SQL functions for the members of one segment: pages of them, and their number.
#include <charconv>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_metric_reader.hpp"
#include "pulse/trait/store_pipeline.hpp"

namespace pg = pulse::pg;

namespace pulse::trait {

namespace {

using pg::Value;

constexpr int32_t kMaxPage = 10'000;

// A segment whose members are people, now.
segment::Segment LoadOfPeople(const std::string& name) {
    segment::Segment segment = segment::Load(name);
    if (segment.kind != segment::SegmentKind::kProfile)
        throw UserError(
            sqlstate::kWrongObjectType, "segment \"" + segment.name + "\" is not a segment over people",
            "It is a segment over a " + std::string(segment::Name(segment.kind)) + ".",
            "Measure it with pulse_take_snapshot(); pulse_explain_segment() shows the query for its "
            "members.");
    segment::RequireMeasured(segment);
    return segment;
}

// "42", or "profile:42": the last person of the page before.
int64_t ReadCursor(const std::optional<std::string>& after) {
    if (!after) return 0;
    constexpr std::string_view kPrefix = "profile:";
    std::string_view digits = *after;
    if (digits.starts_with(kPrefix)) digits.remove_prefix(kPrefix.size());
    int64_t id = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (problem == std::errc() && end == digits.data() + digits.size() && !digits.empty()) return id;
    throw UserError(sqlstate::kInvalidParameter, "\"after\" is not the id of a profile",
                    "It is \"" + Shorten(*after, 60) + "\".",
                    "Give the profile_id of the last row of the page before, or leave it out.");
}

// Members whose stored state is valid, in the order of the index; people whose state is not, evaluated one by
// one until the page is full. The parts are merged by id, so no page reads more than its own rows of either.
const char* const kPageOfLive =
    "SELECT x.profile_id, x.since FROM ("
    "(SELECT m.profile_id, m.since FROM pulse.member AS m"
    " JOIN pulse.profile_state AS t ON t.profile_id = m.profile_id"
    " WHERE m.segment_id = $1 AND m.profile_id > $2 AND t.as_of <= $3"
    " AND (t.next_change_at IS NULL OR t.next_change_at > $3) ORDER BY m.profile_id LIMIT $4)"
    " UNION ALL (SELECT d.profile_id, e.since FROM (SELECT t.profile_id FROM pulse.profile_state AS t"
    " WHERE t.next_change_at <= $3 AND t.as_of <= $3 AND t.profile_id > $2"
    " UNION ALL SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.as_of > $3 AND t.profile_id > $2"
    " ORDER BY profile_id) AS d CROSS JOIN LATERAL pulse.evaluate_segments(d.profile_id, false) AS e"
    " WHERE e.segment_id = $1 ORDER BY d.profile_id LIMIT $4)) AS x ORDER BY x.profile_id LIMIT $4";

// While the segment is built for the first time.
const char* const kPageOfBuilding =
    "SELECT d.id, e.since FROM (SELECT p.id FROM pulse.profile AS p WHERE p.canonical_id = p.id AND p.id > $2"
    " AND $3 IS NOT NULL ORDER BY p.id) AS d CROSS JOIN LATERAL pulse.evaluate_segments(d.id, true) AS e"
    " WHERE e.segment_id = $1 ORDER BY d.id LIMIT $4";

std::string PageSql(bool live) {
    return std::string(
               "SELECT (SELECT i.value FROM pulse.profile AS p JOIN pulse.identity AS i"
               " ON i.profile_id = p.id WHERE p.canonical_id = x.profile_id AND i.kind = 'user_id'"
               " ORDER BY i.first_seen_at, i.value LIMIT 1), x.profile_id, x.since FROM (") +
           (live ? kPageOfLive : kPageOfBuilding) + ") AS x (profile_id, since) ORDER BY x.profile_id";
}

}  // namespace

}  // namespace pulse::trait

using namespace pulse;

PULSE_FUNCTION(pulse_segment_members) {
    const pg::Args args(fcinfo);
    const segment::Segment segment = trait::LoadOfPeople(args.RequireText(0, "segment"));
    const int32_t most = args.Int4(1).value_or(100);
    if (most < 1 || most > trait::kMaxPage)
        throw UserError(sqlstate::kInvalidParameter, "invalid number of members",
                        "It is " + std::to_string(most) + ".",
                        "Give a number from 1 to " + std::to_string(trait::kMaxPage) + ".");
    const int64_t after = trait::ReadCursor(args.Text(2));
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    const trait::ForceIndexPlans force_index_plans;
    pg::AddRows(results, pg::Execute(trait::PageSql(trait::IsLive(segment.id)),
                                     {pg::Value::Int8(segment.id), pg::Value::Int8(after),
                                      pg::Value::Time(pg::Now()), pg::Value::Int8(most)},
                                     true));
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_refresh_segment) {
    const segment::Segment segment = trait::LoadOfPeople(pg::Args(fcinfo).RequireText(0, "segment"));
    trait::RunPipeline();
    pg::ResultSet results(fcinfo);
    const pg::OwnerSession session;
    const bool live = trait::IsLive(segment.id);
    const pg::Result rows = pg::Execute("SELECT count(*) FROM pulse.membership WHERE segment_id = $1",
                                        {pg::Value::Int8(segment.id)});
    results.Add({pg::Value::Text(live ? "live" : "building"), pg::Value::Int8(rows[0].Int8(0)),
                 pg::Value::Time(pg::Now())});
    return pg::ResultSet::Done();
}
