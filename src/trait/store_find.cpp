// Finding people by a filter: candidates come in order from one index, block by block, and each is checked by
// index probes, until the page is full or enough were looked at.
#include "pulse/trait/store_find.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "pulse/base/suggest.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/profile/store_search.hpp"
#include "pulse/trait/store_program.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr int64_t kMostExamined = 20'000;  // for a page or a count
constexpr int64_t kSmallSegment = 10'000;  // its members are sorted in memory

// What a person's profiles have together. Without events, the person was first seen when it was created.
constexpr const char* kActivity =
    " LEFT JOIN LATERAL (SELECT least(min(a.first_at), min(q.first_seen_at)) AS first_at, max(a.last_at)"
    " AS last_at, coalesce(sum(a.events), 0)::bigint AS events FROM pulse.profile AS q"
    " LEFT JOIN pulse.activity AS a ON a.profile_id = q.id WHERE q.canonical_id = c.person) AS t ON true";

int64_t RequireSegment(const Program& program, const std::string& name) {
    std::vector<std::string> names;
    for (const SegmentVersion& version : program.versions) {
        if (version.name == name) return version.segment;
        if (std::find(names.begin(), names.end(), version.name) == names.end()) names.push_back(version.name);
    }
    throw UserError(sqlstate::kUndefinedObject, "there is no segment " + InQuotes(name) + " over people", "",
                    names.empty() ? "There are no such segments yet; create one with pulse_create_segment()."
                                  : SuggestName(name, names, "Segments over people"));
}

void RequireKind(const std::string& name) {
    std::vector<std::string> kinds;
    for (const profile::IdentityKind& kind : profile::IdentityKinds()) kinds.push_back(kind.kind);
    if (std::find(kinds.begin(), kinds.end(), name) == kinds.end())
        throw UserError(sqlstate::kUndefinedObject, InQuotes(name) + " is not a kind of ids", "",
                        SuggestName(name, kinds, "Kinds"));
}

std::string Literal(Moment moment) {
    return pg::QuoteLiteral(FormatMoment(moment)) + "::timestamptz";
}

std::string RangeSql(const std::string& column, const MomentRange& range) {
    std::string sql;
    if (range.from) sql += " AND " + column + " >= " + Literal(*range.from);
    if (range.to) sql += " AND " + column + " < " + Literal(*range.to);
    return sql;
}

}  // namespace

// Has a name, for PeopleMatcher contains it.
namespace people_search {

class Search {
  public:
    // `among`: the candidates are those given to Among().
    explicit Search(const PeopleFilter& filter, bool among = false) : filter_(filter) {
        const std::shared_ptr<const Program> program = CurrentProgram();
        for (const std::string& name : filter.segments) segments_.push_back(RequireSegment(*program, name));
        for (const std::string& name : filter.any_segments)
            any_segments_.push_back(RequireSegment(*program, name));
        for (const std::string& name : filter.not_segments)
            not_segments_.push_back(RequireSegment(*program, name));
        for (const std::string& kind : filter.identity_kinds) RequireKind(kind);
        if (filter.ids) RestrictTo(FindIds(*filter.ids));
        if (!filter.query.empty()) {
            profile::FoundPeople found = profile::FindPeople(filter.query);
            complete_ = found.complete;
            RestrictTo(std::move(found.people));
        }
        if (among)
            std::swap(allowed_, candidates_);
        else if (!candidates_)
            LookAtSegments();
        if (among) candidates_.emplace();
        sql_ = BlockSql();
    }

    // Those of these people, ascending, that match.
    std::vector<int64_t> Among(const std::vector<int64_t>& people) {
        place_ = first_place_;
        candidates_ = allowed_;
        RestrictTo(people);
        std::vector<Row> rows;
        Look(static_cast<int64_t>(candidates_->size()) + 1, rows);
        std::vector<int64_t> found;
        for (const Row& row : rows) found.push_back(row.person);
        std::sort(found.begin(), found.end());
        return found;
    }

    struct Row {
        int64_t person;
        PeoplePlace place;
    };

    // Look at up to `size` further candidates; adds those that match to `rows`.
    void Look(int64_t size, std::vector<Row>& rows) {
        const profile::ForceIndexScans force_index;
        const pg::Result block =
            pg::Execute(sql_,
                        {Value::Time(place_.moment), Value::Int8(place_.id), Value::Int8(size),
                         Value::Int8s(candidates_.value_or(std::vector<int64_t>()))},
                        true);
        for (uint64_t i = 0; i < block.size(); ++i) {
            place_ = {block[i].TimeOrNull(2).value_or(0), block[i].Int8(1)};
            if (block[i].Bool(3)) rows.push_back({block[i].Int8(0), place_});
        }
        examined_ += static_cast<int64_t>(block.size());
        exhausted_ = static_cast<int64_t>(block.size()) < size;
    }

    void StartAfter(const PeoplePlace& place) { place_ = place; }
    const PeoplePlace& place() const { return place_; }
    int64_t examined() const { return examined_; }
    bool exhausted() const { return exhausted_; }
    bool complete() const { return complete_; }
    // Number of all candidates, at least those looked at.
    int64_t EstimateCandidates() const {
        return std::max(examined_, candidates_ ? static_cast<int64_t>(candidates_->size())
                                               : profile::EstimateRows(all_candidates_));
    }

  private:
    static std::vector<int64_t> FindIds(const std::vector<std::string>& ids) {
        std::vector<int64_t> people;
        for (const std::string& id : ids)
            if (const auto person = profile::FindPerson(id)) people.push_back(person->id);
        return people;
    }

    void RestrictTo(std::vector<int64_t> people) {
        std::sort(people.begin(), people.end());
        people.erase(std::unique(people.begin(), people.end()), people.end());
        if (!candidates_) {
            candidates_ = std::move(people);
            return;
        }
        std::vector<int64_t> both;
        std::set_intersection(people.begin(), people.end(), candidates_->begin(), candidates_->end(),
                              std::back_inserter(both));
        candidates_ = std::move(both);
    }

    // The members of a small segment are the candidates, and so are those of a large one that are to be
    // ordered as its index is.
    void LookAtSegments() {
        int64_t fewest = std::numeric_limits<int64_t>::max();
        for (const int64_t segment : segments_) {
            const int64_t members = profile::CountRows("SELECT FROM pulse.member AS m WHERE m.segment_id = " +
                                                       std::to_string(segment))
                                        .rows;
            if (members >= fewest) continue;
            fewest = members;
            driving_segment_ = segment;
        }
        if (!driving_segment_ || fewest > kSmallSegment) return;
        static pg::Statement statement(
            "SELECT m.profile_id FROM pulse.member AS m WHERE m.segment_id = $1 ORDER BY m.profile_id",
            {INT8OID});
        const profile::ForceIndexScans force_index;
        const pg::Result rows = statement.Execute({Value::Int8(*driving_segment_)}, true);
        candidates_.emplace();
        for (uint64_t i = 0; i < rows.size(); ++i) candidates_->push_back(rows[i].Int8(0));
    }

    // The candidates after the place $1, $2, in order, at most $3: person, id, at, and "whole": whether this
    // is the one row of the person.
    std::string SourceSql() {
        const std::string after = filter_.descending ? " < " : " > ";
        const std::string way = filter_.descending ? " DESC" : " ASC";
        const bool by_time = filter_.order != PeopleOrder::kCreated;
        const bool last = filter_.order == PeopleOrder::kLastSeen;
        if (candidates_) {
            std::string list = "SELECT c.person, c.person AS id, " +
                               std::string(!by_time ? "NULL::timestamptz"
                                           : last   ? "coalesce(t.last_at, '-infinity')"
                                                    : "t.first_at") +
                               " AS at FROM unnest($4::bigint[]) AS c (person)" + (by_time ? kActivity : "");
            return "SELECT s.person, s.id, s.at, EXISTS (SELECT FROM pulse.profile AS p WHERE p.id = s.person"
                   " AND p.canonical_id = p.id OFFSET 0) AS whole FROM (" +
                   list + ") AS s WHERE " +
                   (by_time ? "(s.at, s.id)" + after + "($1, $2)" : "s.id" + after + "$2") + " ORDER BY " +
                   (by_time ? "s.at" + way + ", " : "") + "s.id" + way + " LIMIT $3";
        }
        if (!by_time && driving_segment_) {
            const std::string members = "SELECT m.profile_id FROM pulse.member AS m WHERE m.segment_id = " +
                                        std::to_string(*driving_segment_);
            all_candidates_ = members;
            return "SELECT s.profile_id AS person, s.profile_id AS id, NULL::timestamptz AS at, EXISTS (SELECT"
                   " FROM pulse.profile AS p WHERE p.id = s.profile_id AND p.canonical_id = p.id OFFSET 0)"
                   " AS whole FROM (" +
                   members + " AND m.profile_id" + after + "$2 ORDER BY m.profile_id" + way +
                   " LIMIT $3) AS s";
        }
        if (!by_time) {
            all_candidates_ = "SELECT p.id FROM pulse.profile AS p";
            return "SELECT s.id AS person, s.id, NULL::timestamptz AS at, s.canonical_id = s.id AS whole FROM"
                   " (SELECT p.id, p.canonical_id FROM pulse.profile AS p WHERE p.id" +
                   after + "$2 ORDER BY p.id" + way + " LIMIT $3) AS s";
        }
        const std::string column = last ? "last_at" : "first_at";
        all_candidates_ = "SELECT a.profile_id FROM pulse.activity AS a WHERE true" +
                          RangeSql("a." + column, last ? filter_.last_seen : filter_.first_seen);
        // Of a person's profiles, the one with the newest or oldest event stands for it.
        return "SELECT p.canonical_id AS person, s.profile_id AS id, s." + column +
               " AS at, p.id IS NOT NULL AND NOT EXISTS (SELECT FROM pulse.profile AS q JOIN pulse.activity"
               " AS b ON b.profile_id = q.id WHERE q.canonical_id = p.canonical_id AND (b." +
               column + ", b.profile_id)" + (last ? " > " : " < ") + "(s." + column +
               ", s.profile_id) OFFSET 0) AS whole FROM (SELECT a.profile_id, a." + column +
               " FROM pulse.activity AS a WHERE (a." + column + ", a.profile_id)" + after + "($1, $2)" +
               RangeSql("a." + column, last ? filter_.last_seen : filter_.first_seen) + " ORDER BY a." +
               column + way + ", a.profile_id" + way +
               " LIMIT $3) AS s LEFT JOIN pulse.profile AS p ON p.id = s.profile_id";
    }

    std::string BlockSql() {
        std::string check = "c.whole";
        for (const bool member : {true, false})
            for (const int64_t segment : member ? segments_ : not_segments_)
                check +=
                    std::string(member ? " AND" : " AND NOT") +
                    " EXISTS (SELECT FROM pulse.member AS m WHERE m.segment_id = " + std::to_string(segment) +
                    " AND m.profile_id = c.person OFFSET 0)";
        std::string any;
        for (const int64_t segment : any_segments_)
            any += (any.empty() ? "" : ", ") + std::to_string(segment);
        if (!any.empty())
            check += " AND EXISTS (SELECT FROM pulse.member AS m WHERE m.segment_id IN (" + any +
                     ") AND m.profile_id = c.person OFFSET 0)";
        for (const std::string& kind : filter_.identity_kinds)
            check +=
                " AND EXISTS (SELECT FROM pulse.profile AS q JOIN pulse.identity AS i ON i.profile_id ="
                " q.id AND i.kind = " +
                pg::QuoteLiteral(kind) + " WHERE q.canonical_id = c.person OFFSET 0)";
        // The index that people are read by has already served the range of its own time.
        const bool by_index = !candidates_ && filter_.order != PeopleOrder::kCreated;
        std::string figures;
        if (!by_index || filter_.order != PeopleOrder::kFirstSeen)
            figures += RangeSql("t.first_at", filter_.first_seen);
        if (!by_index || filter_.order != PeopleOrder::kLastSeen)
            figures += RangeSql("t.last_at", filter_.last_seen);
        if (filter_.min_events) figures += " AND t.events >= " + std::to_string(*filter_.min_events);
        if (filter_.max_events) figures += " AND t.events <= " + std::to_string(*filter_.max_events);
        const std::string way = filter_.descending ? " DESC" : " ASC";
        return "SELECT c.person, c.id, c.at, coalesce(" + check + figures + ", false) FROM (" + SourceSql() +
               ") AS c" + (figures.empty() ? "" : kActivity) + " ORDER BY c.at" + way + ", c.id" + way;
    }

    const PeopleFilter& filter_;
    std::vector<int64_t> segments_, any_segments_, not_segments_;
    std::optional<int64_t> driving_segment_;
    std::optional<std::vector<int64_t>> candidates_;
    std::optional<std::vector<int64_t>> allowed_;  // with `among`: by ids and query
    std::string sql_, all_candidates_;
    PeoplePlace first_place_{
        filter_.descending ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min(),
        filter_.descending ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min()};
    PeoplePlace place_ = first_place_;
    int64_t examined_ = 0;
    bool exhausted_ = false, complete_ = true;
};

}  // namespace people_search

namespace {

using people_search::Search;

// The people of a page as a JSON list.
std::string DescribePeople(const std::vector<int64_t>& people) {
    const std::string sql =
        std::string(
            "SELECT coalesce(jsonb_agg(jsonb_build_object('profile_id', c.person, 'user_id', i.ids -> 'user_id'"
            " ->> 0, 'email', i.ids -> 'email' ->> 0, 'identities', coalesce(i.ids, '{}'), 'first_seen_at',"
            " t.first_at, 'last_seen_at', t.last_at, 'events', t.events, 'segments', coalesce(g.names, '[]'))"
            " ORDER BY c.n), '[]')::text FROM unnest($1::bigint[]) WITH ORDINALITY AS c (person, n)") +
        kActivity +
        " LEFT JOIN LATERAL (SELECT jsonb_object_agg(k.kind, k.all) AS ids FROM (SELECT l.kind,"
        " jsonb_agg(l.value ORDER BY l.first_seen_at, l.value) AS all FROM (SELECT d.kind, d.value,"
        " d.first_seen_at FROM pulse.profile AS q JOIN pulse.identity AS d ON d.profile_id = q.id"
        " WHERE q.canonical_id = c.person LIMIT 100) AS l GROUP BY l.kind) AS k) AS i ON true"
        " LEFT JOIN LATERAL (SELECT jsonb_agg(s.name ORDER BY s.name) AS names FROM pulse.member AS m"
        " JOIN pulse.segment AS s ON s.id = m.segment_id WHERE m.profile_id = c.person) AS g ON true";
    const profile::ForceIndexScans force_index;
    return pg::Execute(sql, {Value::Int8s(people)}, true)[0].Text(0);
}

}  // namespace

std::string FindProfiles(const PeopleFilter& filter, int max, const std::optional<PeoplePlace>& after,
                         int skip) {
    Search search(filter);
    if (after) search.StartAfter(*after);
    // One more tells whether there is another page.
    const size_t wanted = static_cast<size_t>(skip) + static_cast<size_t>(max) + 1;
    std::vector<Search::Row> rows;
    int64_t size = std::max<int64_t>(200, static_cast<int64_t>(wanted));
    while (rows.size() < wanted && !search.exhausted() && search.examined() < kMostExamined + skip) {
        pg::CheckInterrupts();
        search.Look(size, rows);
        size = std::min<int64_t>(4 * size, 5000);
    }
    std::optional<PeoplePlace> next;
    if (rows.size() >= wanted) {
        rows.resize(wanted - 1);
        next = rows.back().place;
    } else if (!search.exhausted()) {
        next = search.place();
    }
    std::vector<int64_t> people;
    for (size_t i = static_cast<size_t>(skip); i < rows.size(); ++i) people.push_back(rows[i].person);
    static pg::Statement whole(
        "SELECT jsonb_build_object('people', $1::jsonb, 'next', $2, 'examined', $3, 'complete', $4)::text",
        {TEXTOID, TEXTOID, INT8OID, BOOLOID});
    return whole
        .Execute({Value::Text(DescribePeople(people)),
                  next ? Value::Text(WritePlace(filter, *next)) : Value::Null(TEXTOID),
                  Value::Int8(search.examined()), Value::Bool(search.complete())},
                 true)[0]
        .Text(0);
}

profile::Count CountProfiles(const PeopleFilter& filter) {
    Search search(filter);
    std::vector<Search::Row> rows;
    while (!search.exhausted() && search.examined() < kMostExamined) {
        pg::CheckInterrupts();
        search.Look(5000, rows);
    }
    const auto found = static_cast<int64_t>(rows.size());
    if (search.exhausted()) return {found, search.complete()};
    const double share = static_cast<double>(found) / static_cast<double>(search.examined());
    return {std::llround(share * static_cast<double>(search.EstimateCandidates())), false};
}

struct PeopleMatcher::State {
    people_search::Search search;
};

PeopleMatcher::PeopleMatcher(const PeopleFilter& filter) : state_(new State{Search(filter, true)}) {}

PeopleMatcher::~PeopleMatcher() = default;

std::vector<int64_t> PeopleMatcher::Match(const std::vector<int64_t>& people) {
    return state_->search.Among(people);
}

std::vector<SegmentSize> CountMembers() {
    const std::shared_ptr<const Program> program = CurrentProgram();
    std::map<std::string, int64_t> segments;
    for (const SegmentVersion& version : program->versions) segments[version.name] = version.segment;
    std::vector<SegmentSize> sizes;
    for (const auto& [name, segment] : segments)
        sizes.push_back({name, profile::CountRows("SELECT FROM pulse.member AS m WHERE m.segment_id = " +
                                                  std::to_string(segment))});
    std::stable_sort(sizes.begin(), sizes.end(), [](const SegmentSize& a, const SegmentSize& b) {
        return a.members.rows > b.members.rows;
    });
    return sizes;
}

}  // namespace pulse::trait
