#include "pulse/insight/store_question.hpp"

#include <algorithm>
#include <limits>

#include "pulse/base/local_time.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile.hpp"
#include "pulse/segment/member_query_profile.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::insight {

bool SeesPeople() {
    const pg::Identity caller = pg::Identity::Caller();
    const pg::Session session;
    return pg::Execute("SELECT pulse.sees_people()", {}, true)[0].Bool(0);
}

pg::Value PeopleValue(int64_t people, bool sees_people) {
    return sees_people || people >= kSmallestGroup ? pg::Value::Int8(people) : pg::Value::Null(INT8OID);
}

namespace {

// 0001-01-01 and 9999-12-31, what FormatMoment() can write.
constexpr Moment kFirstMoment = -730'119 * kDay, kLastMoment = 2'921'939 * kDay;

[[noreturn]] void RefuseToReader(const std::string& what, const std::string& text,
                                 const std::string& instead) {
    throw UserError(sqlstate::kInsufficientPrivilege, "permission denied for " + what,
                    "It is " + Shorten(text, 200) + ".", instead + ", or ask for the level people_reader.");
}

}  // namespace

void RequireNoRule(const EventCondition& condition) {
    if (condition.where) RefuseToReader("a rule over events", rule::Print(*condition.where), "Leave it out");
}

void RequireName(const std::string& expression, const char* argument) {
    if (!IsName(expression))
        RefuseToReader("an expression over people in \"" + std::string(argument) + "\"", expression,
                       "Name an attribute, a trait or a segment");
}

std::optional<std::string> TextArgument(const pg::Args& args, int i, const char* name) {
    auto text = args.Text(i);
    if (text && text->find_first_not_of(" \t\r\n") == std::string::npos)
        ThrowInvalid("\"" + std::string(name) + "\" is empty", "", "Give a value, or null for none.");
    return text;
}

std::optional<Moment> TimeArgument(const pg::Args& args, int i, const char* name) {
    const auto moment = args.Time(i);
    if (moment && (*moment < kFirstMoment || *moment > kLastMoment))
        ThrowInvalid("\"" + std::string(name) + "\" is out of range", "",
                     "Give a time of the years 1 to 9999, or null for no limit.");
    return moment;
}

TimeRange LastDays(const pg::Args& args) {
    const Moment until = args.Time(1).value_or(pg::Now());
    const bool begins = until == std::numeric_limits<Moment>::min();  // -infinity
    const Moment since = args.Time(0).value_or(begins ? until : until - 7 * kDay);
    if (since > until) RefuseRange(since, until);
    return {since, until};
}

void RefuseRange(Moment since, Moment until) {
    ThrowInvalid("\"since\" is not before \"until\"",
                 "Since is " + FormatMoment(since) + ", until " + FormatMoment(until) + ".",
                 "Give the earlier time as \"since\"; \"until\" is at most now.");
}

int64_t Between(const pg::Args& args, int i, const char* name, int64_t otherwise, int64_t low, int64_t high) {
    const int64_t value = args.Int8(i).value_or(otherwise);
    if (value < low || value > high)
        ThrowInvalid(
            "\"" + std::string(name) + "\" is out of range", "It is " + std::to_string(value) + ".",
            std::string(name) + " is from " + std::to_string(low) + " to " + std::to_string(high) + ".");
    return value;
}

Clock::Clock(const std::optional<std::string>& zone) : zone_(zone.value_or(pg::settings::TimeZone())) {
    pg::TimeZone{zone_};
}

std::string Clock::ZoneSql() const {
    return pg::QuoteLiteral(zone_);
}

int64_t Clock::DayOf(Moment moment) const {
    return FloorTo(moment + pg::TimeZone(zone_).OffsetAt(moment), kDay) / kDay;
}

void SpareJit() {
    pg::SetLocally("jit", "off");
}

std::string MomentSql(Moment moment) {
    return pg::QuoteLiteral(FormatMoment(std::clamp(moment, kFirstMoment, kLastMoment))) + "::timestamptz";
}

pg::Value DateValue(int64_t day) {
    return {DATEOID, Int32GetDatum(static_cast<int32_t>(day)), false};
}

void CheckCondition(const EventCondition& condition) {
    if (!condition.event && !condition.where) return;
    rule::Metric metric{.aggregate = rule::Aggregate::kCount,
                        .event = condition.event.value_or(""),
                        .filter = condition.where};
    trait::CheckReferences(*rule::Make(std::move(metric), 0));
}

std::string DivideSql(const std::string& expression, const std::string& now_sql) {
    const rule::ExprPtr tree = rule::Expand(*rule::Parse(expression), trait::SavedDefinitions());
    trait::CheckReferences(*tree);
    const segment::PersonValue value = segment::CompilePersonValue(*tree, pg::settings::TimeZone(), now_sql);
    const std::string text = value.type == rule::ValueType::kJson ? "(v.value #>> '{}')" : "v.value::text";
    return "SELECT v.id, pg_catalog.left(" + text + ", 200) AS value FROM (" + value.sql + ") AS v";
}

}  // namespace pulse::insight
