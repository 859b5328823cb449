// Retention: PostgreSQL groups the events by person and period, and the tally adds up the people one by one.
#include "pulse/insight/store_retention.hpp"

#include <map>

#include "pulse/pg/memory.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr long kFetchedAtOnce = 10'000;
constexpr int kMostValues = 20;
// A local day begins at most so long before the midnight of UTC.
constexpr int64_t kZoneMargin = 2 * kDay;

// Events before this one change nothing, if there is such a moment.
std::string OldestSql(const RetentionQuestion& question) {
    return MomentSql(FirstDayOf(question.rules.first_cohort, question.period) * kDay - kZoneMargin);
}

// One row for each person and period with an event: person, period, start, again and value; in their order.
std::string ActivitySql(const RetentionQuestion& question, const std::string& divide) {
    const std::string now = MomentSql(question.now), oldest = OldestSql(question),
                      first = ConditionSql(question.first, now), again = ConditionSql(question.again, now);
    std::string sql =
        "SELECT a.person, a.period, a.start, a.again" + std::string(divide.empty() ? "" : ", d.value") +
        " FROM (SELECT p.canonical_id AS person, " +
        PeriodSql(question.period, "e.time", question.clock.ZoneSql()) +
        " AS period, pg_catalog.min(e.time) FILTER (WHERE " + first +
        ") AS start, pg_catalog.max(e.time) FILTER (WHERE " + again +
        ") AS again FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE e.time <= " +
        now;
    // The first start of a person can be long before all cohorts.
    if (question.rules.recurring)
        sql += " AND e.time >= " + oldest + " AND ((" + first + ") OR (" + again + "))";
    else
        sql += " AND ((" + first + ") OR (e.time >= " + oldest + " AND (" + again + ")))";
    sql += " GROUP BY 1, 2) AS a";
    if (!divide.empty()) sql += " LEFT JOIN (" + divide + ") AS d ON d.id = a.person";
    return sql + " ORDER BY a.person, a.period";
}

// Tallies by value. Beyond the values known from the beginning, people count as others.
class TallyByValue {
  public:
    TallyByValue(const RetentionQuestion& question, const std::string& divide) : rules_(question.rules) {
        if (divide.empty()) {
            tallies_.emplace_back(std::nullopt, RetentionTally(rules_));
            return;
        }
        const pg::Result values = pg::Execute("SELECT d.value FROM (" + divide +
                                                  ") AS d GROUP BY d.value ORDER BY pg_catalog.count(*) DESC,"
                                                  " d.value COLLATE pg_catalog.\"C\" LIMIT " +
                                                  std::to_string(kMostValues),
                                              {}, true);
        for (uint64_t i = 0; i < values.size(); ++i) {
            places_[values[i].TextOrNull(0)] = tallies_.size();
            tallies_.emplace_back(values[i].TextOrNull(0), RetentionTally(rules_));
        }
        others_ = tallies_.size();
        tallies_.emplace_back(kOther, RetentionTally(rules_));
    }

    void Add(const std::optional<std::string>& value, std::span<const ActivePeriod> periods) {
        size_t place = 0;
        if (others_) {
            const auto found = places_.find(value);
            place = found == places_.end() ? others_ : found->second;
        }
        tallies_[place].second.Add(periods);
    }

    // Count values of few people as others. If these are few, one more value counts as such: what everybody
    // has more than those shown would tell of the few.
    void HideSmallGroups() {
        size_t smallest = others_;
        for (size_t i = 0; i < others_; ++i) {
            const int64_t people = tallies_[i].second.AllPeople();
            if (people < kSmallestGroup)
                CountAsOthers(i);
            else if (smallest == others_ || people < tallies_[smallest].second.AllPeople())
                smallest = i;
        }
        if (smallest == others_) return;
        const int64_t rest = tallies_[others_].second.AllPeople();
        if (rest > 0 && rest < kSmallestGroup) CountAsOthers(smallest);
    }

    const std::vector<std::pair<std::optional<std::string>, RetentionTally>>& tallies() const {
        return tallies_;
    }

  private:
    void CountAsOthers(size_t place) {
        tallies_[others_].second.Add(tallies_[place].second);
        tallies_[place].second = RetentionTally(rules_);
    }

    RetentionRules rules_;
    std::vector<std::pair<std::optional<std::string>, RetentionTally>> tallies_;
    std::map<std::optional<std::string>, size_t> places_;
    size_t others_ = 0;  // 0: people are not divided
};

void CountPeople(const RetentionQuestion& question, const std::string& divide, TallyByValue& tally) {
    pg::Cursor cursor(ActivitySql(question, divide), {});
    std::optional<int64_t> person;
    std::optional<std::string> value;
    std::vector<ActivePeriod> periods;
    while (true) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(kFetchedAtOnce);
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const pg::Row row = rows[i];
            if (person != row.Int8(0)) {
                if (person) tally.Add(value, periods);
                periods.clear();
                person = row.Int8(0);
                if (!divide.empty()) value = row.TextOrNull(4);
            }
            periods.push_back({row.Int4(1), row.TimeOrNull(2), row.TimeOrNull(3)});
        }
        if (rows.empty()) break;
    }
    if (person) tally.Add(value, periods);
}

}  // namespace

void CountRetention(const RetentionQuestion& question, pg::ResultSet& rows) {
    SpareJit();
    const std::string divide = question.by ? DivideSql(*question.by, MomentSql(question.now)) : std::string();
    TallyByValue by_value(question, divide);
    CountPeople(question, divide, by_value);
    if (!question.sees_people) by_value.HideSmallGroups();
    const int64_t current = question.clock.PeriodOf(question.now, question.period);
    for (const auto& [value, tally] : by_value.tallies()) {
        for (int64_t cohort = question.rules.first_cohort; cohort <= question.rules.last_cohort; ++cohort) {
            const int64_t people = tally.People(cohort);
            if (people == 0) continue;
            const bool shown = question.sees_people || people >= kSmallestGroup;
            const Value name = Value::Text(question.by ? value.value_or(kNoValue) : value);
            for (int64_t after = 0; after <= question.rules.periods && cohort + after <= current; ++after) {
                const int64_t returned = tally.Returned(cohort, after);
                const Value count = PeopleValue(shown ? returned : 0, question.sees_people);
                rows.Add({name, DateValue(FirstDayOf(cohort, question.period)),
                          PeopleValue(people, question.sees_people), Value::Int8(after), count,
                          count.null
                              ? Value::Null(FLOAT8OID)
                              : Value::Float8(static_cast<double>(returned) / static_cast<double>(people)),
                          Value::Bool(cohort + after < current)});
            }
        }
    }
}

void CountStickiness(const StickinessQuestion& question, pg::ResultSet& rows) {
    SpareJit();
    const std::string now = MomentSql(question.now), zone = question.clock.ZoneSql();
    const auto edge = [&](int64_t period, int64_t margin) {
        return MomentSql(FirstDayOf(period, question.period) * kDay + margin);
    };
    // Days of a person, then days in each period, then people by their number of days.
    const std::string sql =
        "SELECT n.period, n.days, pg_catalog.count(*) FROM (SELECT d.person, d.period,"
        " pg_catalog.count(*)::integer AS days FROM (SELECT DISTINCT p.canonical_id AS person, " +
        PeriodSql(question.period, "e.time", zone) + " AS period, " +
        PeriodSql(CalendarPeriod::kDay, "e.time", zone) +
        " AS day FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE e.time <= " +
        now + " AND e.time >= " + edge(question.first_period, -kZoneMargin) + " AND e.time < " +
        edge(question.last_period + 1, kZoneMargin) + " AND " + ConditionSql(question.event, now) +
        ") AS d WHERE d.period BETWEEN " + std::to_string(question.first_period) + " AND " +
        std::to_string(question.last_period) +
        " GROUP BY d.person, d.period) AS n GROUP BY n.period, n.days ORDER BY n.period, n.days";
    const pg::Result counts = pg::Execute(sql, {}, true);
    const int64_t today = question.clock.DayOf(question.now);
    for (uint64_t i = 0; i < counts.size();) {
        const int64_t period = counts[i].Int4(0);
        int64_t people = 0, days = 0;
        uint64_t end = i;
        for (; end < counts.size() && counts[end].Int4(0) == period; ++end) {
            people += counts[end].Int8(2);
            days += counts[end].Int8(2) * counts[end].Int4(1);
        }
        const int64_t first_day = FirstDayOf(period, question.period),
                      length = DaysIn(period, question.period);
        const int64_t begun = std::min(length, today - first_day + 1);
        const bool shown = question.sees_people || people >= kSmallestGroup;
        const double daily = static_cast<double>(days) / static_cast<double>(begun);
        for (; i < end; ++i) {
            const Value count = PeopleValue(shown ? counts[i].Int8(2) : 0, question.sees_people);
            const auto figure = [](bool known, double value) {
                return known ? Value::Float8(value) : Value::Null(FLOAT8OID);
            };
            rows.Add(
                {DateValue(first_day), PeopleValue(people, question.sees_people), figure(shown, daily),
                 figure(shown, daily / static_cast<double>(people)),
                 Value::Bool(begun == length && first_day + length <= today), Value::Int8(counts[i].Int4(1)),
                 count,
                 figure(!count.null, static_cast<double>(counts[i].Int8(2)) / static_cast<double>(people))});
        }
    }
}

}  // namespace pulse::insight
