// What a funnel shows, as of now.
#include <cmath>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/insight/funnel_query.hpp"
#include "pulse/insight/store_funnel.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/person_ids_sql.hpp"
#include "pulse/rule/store.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/segment/store.hpp"

namespace pulse::insight {

namespace {

// Also for results of few people, where the usual interval would have no width.
FunnelRate RateOf(int64_t people, int64_t of) {
    if (of <= 0) return {};
    constexpr double z = 1.959963984540054;  // of 95 %
    const double n = static_cast<double>(of), p = static_cast<double>(people) / n;
    const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return {p, std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

// A query for the ids of the people in a segment now.
std::string FunnelMembersSql(const std::string& name) {
    const segment::Segment segment = segment::Load(name);
    if (segment.kind != segment::SegmentKind::kProfile)
        throw UserError(sqlstate::kWrongObjectType, "segment " + InQuotes(name) + " is not over people",
                        "Its members are rows of a relation or a query.",
                        "Create a segment over people with a rule in \"where\" and without \"from\".");
    segment::RequireMeasured(segment);
    const segment::MemberQuery query =
        segment::CompileMembers(segment::PrepareRequest(segment::ParseRequest(segment.definition), pg::Now()),
                                {}, segment::NowLiteral());
    return "SELECT " + query.key + " FROM " + query.MembersFrom() + " WHERE " + query.Where();
}

// The rows of one value, from the columns of FunnelSummarySql().
void AddSteps(const pg::Row& row, const FunnelDefinition& funnel, std::vector<FunnelStepRow>& rows) {
    const size_t steps = funnel.steps.size(), first = rows.size();
    const int last = 1 + 3 * static_cast<int>(steps);
    const bool hidden = !row.IsNull(last) && row.Bool(last);
    int64_t people = 0;
    rows.resize(first + steps);
    // From the last step on: who ends at a step has taken all before.
    for (size_t i = steps; i-- > 0;) {
        FunnelStepRow& step = rows[first + i];
        const int column = 1 + 3 * static_cast<int>(i);
        const int64_t ended = row.Int8(column);
        people += ended;
        step.value = row.TextOrNull(0);
        step.step = i + 1;
        step.name = funnel.steps[i].name;
        step.hidden = hidden;
        step.people = people;
        step.waiting = row.Int8(column + 1);
        step.dropped = i + 1 < steps ? ended - step.waiting : 0;
        if (row.IsNull(column + 2)) continue;
        const std::vector<int64_t> times = row.Int8s(column + 2);
        step.median = times.at(0);
        step.p90 = times.at(1);
    }
    for (size_t i = 0; i < steps; ++i) {
        FunnelStepRow& step = rows[first + i];
        step.from_start = RateOf(step.people, rows[first].people);
        if (i > 0) step.from_previous = RateOf(step.people, rows[first + i - 1].people);
    }
}

}  // namespace

FunnelQuery PrepareFunnel(const FunnelDefinition& funnel) {
    FunnelQuery query;
    query.now = pg::Now();
    if (!funnel.segment.empty()) query.members = FunnelMembersSql(funnel.segment);
    if (funnel.by.kind == FunnelBreakdown::Kind::kSegment)
        query.by_members = FunnelMembersSql(funnel.by.segment);
    for (const FunnelStep& step : funnel.steps)
        if (step.where) rule::CheckPatterns(*step.where);
    for (const FunnelExcluded& excluded : funnel.exclude)
        if (excluded.where) rule::CheckPatterns(*excluded.where);
    // One person after another: a hash table would hold the events of all.
    pg::SetLocally("enable_hashagg", "off");
    pg::SetLocally("jit", "off");
    return query;
}

void CheckFunnel(const FunnelDefinition& funnel) {
    const FunnelQuery query = PrepareFunnel(funnel);
    pg::Execute("SELECT FROM (" + FunnelPathsSql(funnel, query) + ") AS q LIMIT 0", {}, true);
}

std::vector<FunnelStepRow> SummarizeFunnel(const FunnelDefinition& funnel, bool all_values) {
    const FunnelQuery query = PrepareFunnel(funnel);
    const pg::Result result = pg::Execute(FunnelSummarySql(funnel, query, all_values), {}, true);
    std::vector<FunnelStepRow> rows;
    for (uint64_t i = 0; i < result.size(); ++i) AddSteps(result[i], funnel, rows);
    return rows;
}

std::vector<FunnelPersonRow> ListFunnelPeople(const FunnelDefinition& funnel, const FunnelPeople& which) {
    FunnelQuery query = PrepareFunnel(funnel);
    query.after = which.after;
    const std::string step = std::to_string(which.step);
    const pg::Result result = pg::Execute(
        "SELECT q.person, ids.user_id, q.value, q.reached, q.waiting, q.times[1], q.times[" + step +
            "] FROM (SELECT * FROM (" + FunnelPathsSql(funnel, query) + ") AS f WHERE f.reached " +
            (which.dropped ? "= " + step + " AND NOT f.waiting" : ">= " + step) +
            " AND ($1::text IS NULL OR coalesce(f.value, '(none)') = $1) ORDER BY f.person, f.times LIMIT $2) AS q" PULSE_PERSON_IDS(
                "q.person") " ORDER BY q.person, q.times",
        {pg::Value::Text(which.value), pg::Value::Int8(which.max)}, true);
    std::vector<FunnelPersonRow> rows;
    for (uint64_t i = 0; i < result.size(); ++i) {
        const pg::Row row = result[i];
        rows.push_back({row.Int8(0), row.TextOrNull(1), row.TextOrNull(2), static_cast<size_t>(row.Int4(3)),
                        row.Bool(4), row.Int8(5), row.Int8(6)});
    }
    return rows;
}

std::vector<FunnelJourney> FunnelJourneys(const FunnelDefinition& funnel, int64_t person) {
    FunnelQuery query = PrepareFunnel(funnel);
    query.person = person;
    const pg::Result result = pg::Execute("SELECT q.reached, q.waiting, q.value, q.times FROM (" +
                                              FunnelPathsSql(funnel, query) + ") AS q ORDER BY q.times",
                                          {}, true);
    std::vector<FunnelJourney> journeys;
    for (uint64_t i = 0; i < result.size(); ++i) {
        const pg::Row row = result[i];
        journeys.push_back({static_cast<size_t>(row.Int4(0)), row.Bool(1), row.TextOrNull(2), row.Int8s(3)});
    }
    return journeys;
}

}  // namespace pulse::insight
