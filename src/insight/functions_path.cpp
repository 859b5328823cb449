// SQL function: what people do before and after an event.
#include <algorithm>
#include <cmath>

#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/insight/store_path.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/settings.hpp"

namespace insight = pulse::insight;
namespace pg = pulse::pg;

namespace {

constexpr double kMostSteps = 100'000;
constexpr size_t kMostIgnored = 100;

void CheckPathTimes(const insight::PathQuestion& question) {
    const pulse::Moment until = std::min(question.until, question.now);
    if (question.since >= until) insight::RefuseRange(question.since, until);
}

}  // namespace

PULSE_FUNCTION(pulse_paths) {
    const pg::Args args(fcinfo);
    const std::string direction = args.Text(1).value_or("next");
    if (direction != "next" && direction != "previous")
        pulse::ThrowInvalid("\"direction\" is unknown",
                            "It is " + pulse::InQuotes(pulse::Shorten(direction, 80)) + ".",
                            "Give 'next' or 'previous'.");
    const pulse::Moment now = pg::Now();
    insight::PathQuestion question{
        .event = insight::ReadEventCondition(args.RequireText(0, "event"),
                                             insight::TextArgument(args, 8, "event_where")),
        .backwards = direction == "previous",
        .depth = insight::Between(args, 2, "depth", 3, 1, 10),
        .top = insight::Between(args, 3, "top", 5, 1, 100),
        .since = insight::TimeArgument(args, 4, "since").value_or(now - 30 * pulse::kDay),
        .until = insight::TimeArgument(args, 5, "until").value_or(now + 1),
        .now = now,
        .session_gap = args.IsNull(6) ? 30 * pulse::kMinute : pg::IntervalArgument(args.Raw(6)),
        .ignored = args.Texts(7).value_or(std::vector<std::string>()),
        .sees_people = insight::SeesPeople()};
    if (!question.sees_people) insight::RequireNoRule(question.event);
    CheckPathTimes(question);
    if (std::pow(static_cast<double>(question.top), static_cast<double>(question.depth)) > kMostSteps)
        throw pulse::UserError(pulse::sqlstate::kProgramLimit, "the tree of paths would be too large",
                               std::to_string(question.top) + " events after each one, at a depth of " +
                                   std::to_string(question.depth) + ".",
                               "Ask for less depth or a smaller top.");
    if (question.session_gap <= 0)
        pulse::ThrowInvalid("\"session_gap\" is not positive", "", "Give a time such as '30 minutes'.");
    if (question.ignored.size() > kMostIgnored)
        throw pulse::UserError(pulse::sqlstate::kProgramLimit, "\"ignored\" has too many names",
                               "It has " + std::to_string(question.ignored.size()) + ".",
                               "Give at most " + std::to_string(kMostIgnored) + ".");
    if (std::find(question.ignored.begin(), question.ignored.end(), *question.event.event) !=
        question.ignored.end())
        pulse::ThrowInvalid("\"ignored\" has the event that paths begin with",
                            "It is " + pulse::InQuotes(pulse::Shorten(*question.event.event, 255)) + ".",
                            "Leave it out.");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    insight::CheckCondition(question.event);
    insight::CountPaths(question, result);
    return pg::ResultSet::Done();
}
