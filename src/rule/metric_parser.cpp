#include "pulse/rule/metric_parser.hpp"

#include <charconv>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/rule/operators.hpp"

namespace pulse::rule {

namespace {

constexpr const char* kAggregateHint =
    "Aggregates of events are count, exists, unique_days, first_seen, last_seen (each also as count_30d or "
    "count(30d)), "
    "first_seen_days_ago, last_seen_minutes_ago, and of a property sum(p), avg, min, max, p50, p95, first, "
    "last, mode, distinct, "
    "list (also as sum_p_30d or sum(p, 30d)).";
constexpr const char* kWindowHint =
    "A window is a duration such as 30d, 12h or 15m, a range such as 90d..30d (between 90 and 30 days ago), "
    "calendar 1 month, or all.";
constexpr const char* kEventHint =
    "Write events.purchase, events[\"Order Completed\"], or events.* for any event.";
constexpr const char* kStepHint =
    "A sequence is written sequence(events.view_product -> within 1d no events.order{product_id == "
    "$.product_id}, in 7d).";
constexpr int kMaxCalendar = 1200;

// "_30d" at the end, or nothing.
std::optional<int64_t> WindowAtEnd(std::string_view& name) {
    const size_t line = name.rfind('_');
    if (line == std::string_view::npos) return std::nullopt;
    const auto seconds = ParseDuration(name.substr(line + 1));
    if (seconds) name = name.substr(0, line);
    return seconds;
}

Window Last(int64_t seconds) {
    return {.kind = Window::Kind::kSliding, .from = seconds};
}

}  // namespace

std::optional<MetricShorthand> ReadMetricShorthand(const std::string& name) {
    for (const Aggregate seen : {Aggregate::kFirstSeen, Aggregate::kLastSeen})
        for (const Function since :
             {Function::kSecondsSince, Function::kMinutesSince, Function::kHoursSince, Function::kDaysSince})
            if (name == TimeSinceName(seen, since)) return MetricShorthand{Metric{.aggregate = seen}, since};
    std::string_view head = name;
    const auto window = WindowAtEnd(head);
    Metric metric{.window = window ? Last(*window) : Window{}};
    if (const auto aggregate = FindAggregate(head); aggregate && !NeedsProperty(*aggregate)) {
        metric.aggregate = *aggregate;
        return MetricShorthand{metric, std::nullopt};
    }
    const size_t line = head.find('_');
    if (line == std::string_view::npos || line + 1 == head.size()) return std::nullopt;
    const auto aggregate = FindAggregate(head.substr(0, line));
    if (!aggregate || !NeedsProperty(*aggregate)) return std::nullopt;
    metric.aggregate = *aggregate;
    metric.property = {std::string(head.substr(line + 1))};
    return MetricShorthand{metric, std::nullopt};
}

ExprPtr MetricParser::Events(size_t position) {
    const std::string event = EventName();
    const ExprPtr filter = Filter(false);
    if (!tokens_.IsSign(".")) tokens_.Unexpected(std::string("An aggregate is missing. ") + kAggregateHint);
    tokens_.Take();
    if (!tokens_.Is(Token::Kind::kName)) tokens_.Unexpected(kAggregateHint);
    const Token name = tokens_.Take();
    MetricShorthand shorthand;
    if (tokens_.IsSign("(")) {
        Call(name, shorthand.metric);
    } else {
        auto read = ReadMetricShorthand(name.value);
        if (!read) tokens_.Fail(name, "Unknown aggregate " + Shorten(name.value, 40), kAggregateHint);
        shorthand = std::move(*read);
    }
    shorthand.metric.event = event;
    shorthand.metric.filter = filter;
    ExprPtr metric = Make(std::move(shorthand.metric), position);
    return shorthand.since ? MakeCall(*shorthand.since, {std::move(metric)}, position) : metric;
}

// Empty: any event.
std::string MetricParser::EventName() {
    if (tokens_.IsSign("[")) return tokens_.BracketedName();
    tokens_.Take();
    if (tokens_.AcceptSign("*")) return "";
    if (!tokens_.Is(Token::Kind::kName) && !tokens_.Is(Token::Kind::kQuotedName))
        tokens_.Unexpected(kEventHint);
    std::string name = tokens_.Take().value;
    if (!tokens_.Is(Token::Kind::kEnd) && !tokens_.IsSign(".") && !tokens_.IsSign("{") &&
        !tokens_.IsSign("->") && !tokens_.IsSign(",") && !tokens_.IsSign(")"))
        tokens_.Unexpected("Names of events with other characters are written events[\"Order Completed\"]. " +
                           std::string(kAggregateHint));
    return name;
}

ExprPtr MetricParser::Filter(bool steps) {
    if (!tokens_.AcceptSign("{")) return nullptr;
    ExprPtr filter = filter_(steps);
    tokens_.ExpectSign(
        "}",
        "A filter is one condition on the event's properties, such as {category == \"cosmetics\"}; close it "
        "with }.");
    return filter;
}

void MetricParser::Call(const Token& name, Metric& metric) {
    const auto aggregate = FindAggregate(name.value);
    if (!aggregate) tokens_.Fail(name, "Unknown aggregate " + Shorten(name.value, 40), kAggregateHint);
    metric.aggregate = *aggregate;
    tokens_.Take();
    Arguments(metric);
    tokens_.ExpectSign(")", NeedsProperty(*aggregate)
                                ? "Give a property and maybe a window, as in sum(amount, 30d)."
                                : kWindowHint);
    // sum(amount)_30d
    if (tokens_.Is(Token::Kind::kName) && !tokens_.Peek().after_space &&
        tokens_.Peek().value.starts_with('_')) {
        const auto seconds = ParseDuration(std::string_view(tokens_.Peek().value).substr(1));
        if (!seconds || metric.window.kind != Window::Kind::kAll) tokens_.Unexpected(kWindowHint);
        tokens_.Take();
        metric.window = Last(*seconds);
    }
}

void MetricParser::Arguments(Metric& metric) {
    if (NeedsProperty(metric.aggregate)) {
        if (!tokens_.Is(Token::Kind::kName) && !tokens_.Is(Token::Kind::kQuotedName) && !tokens_.IsSign("["))
            tokens_.Unexpected("Name a property of the event, as in sum(amount) or sum(amount, 30d).");
        metric.property.push_back(tokens_.IsSign("[") ? tokens_.BracketedName(true) : tokens_.Take().value);
        tokens_.ContinuePath(metric.property);
        if (tokens_.AcceptSign(",")) metric.window = ReadWindow();
    } else if (!tokens_.IsSign(")")) {
        metric.window = ReadWindow();
    }
}

Window MetricParser::ReadWindow() {
    if (tokens_.AcceptWord("all")) return {};
    if (tokens_.AcceptWord("calendar")) return Calendar();
    if (tokens_.IsWord("session"))
        throw UserError(sqlstate::kNotSupported,
                        "session windows are not available in rules at position " +
                            std::to_string(tokens_.Peek().position),
                        "Events have no session boundaries.", kWindowHint);
    if (!tokens_.Is(Token::Kind::kDuration)) tokens_.Unexpected(kWindowHint);
    Window window = Last(Span());
    if (!tokens_.AcceptSign("..")) return window;
    const Token end = tokens_.Peek();
    window.to = Span();
    if (window.to >= window.from)
        tokens_.Fail(end, "The older end of a range comes first",
                     "Write 90d..30d for what happened between 90 and 30 days ago.");
    return window;
}

Window MetricParser::Calendar() {
    const std::string hint =
        "Write calendar 1 day, calendar 2 weeks or calendar 3 months: the current one and those before it.";
    Window window{.kind = Window::Kind::kCalendar, .count = 1};
    const Token count = tokens_.Peek();
    std::string unit;
    if (tokens_.Is(Token::Kind::kDuration)) {  // calendar 7d
        const std::string written = tokens_.Take().value;
        unit = written.substr(written.size() - 1);
        window.count = written.size() > 5 ? 0 : std::stoi(written);
    } else {
        if (tokens_.Is(Token::Kind::kNumber)) {
            const std::string digits = tokens_.Take().value;
            const bool whole =
                digits.size() <= 4 && digits.find_first_not_of("0123456789") == std::string::npos;
            window.count = whole ? std::stoi(digits) : 0;
        }
        if (!tokens_.Is(Token::Kind::kName)) tokens_.Unexpected(hint);
        unit = tokens_.Take().value;
    }
    const auto is = [&](std::initializer_list<std::string_view> words) {
        for (const std::string_view word : words)
            if (EqualsIgnoringCase(word, unit)) return true;
        return false;
    };
    if (is({"d", "day", "days"}))
        window.unit = Window::Unit::kDay;
    else if (is({"w", "week", "weeks"}))
        window.unit = Window::Unit::kWeek;
    else if (is({"month", "months"}))
        window.unit = Window::Unit::kMonth;
    else
        tokens_.Fail(count, "A calendar window is of days, weeks or months", hint);
    if (window.count < 1 || window.count > kMaxCalendar)
        tokens_.Fail(count,
                     "A calendar window has 1 to " + std::to_string(kMaxCalendar) + " days, weeks or months",
                     hint);
    return window;
}

ExprPtr MetricParser::Sequence(size_t position) {
    Metric metric{.aggregate = Aggregate::kSequence};
    do {
        if (metric.steps.size() == kMaxSteps)
            tokens_.Unexpected("A sequence may have at most " + std::to_string(kMaxSteps) + " steps.");
        metric.steps.push_back(ReadStep(metric.steps.empty()));
    } while (tokens_.AcceptSign("->"));
    if (metric.steps.size() < 2) tokens_.Unexpected(kStepHint);
    if (tokens_.AcceptSign(",")) {
        if (!tokens_.AcceptWord("in"))
            tokens_.Unexpected("After the steps stands in and a duration, as in \", in 7d\".");
        metric.window = Last(Span());
    }
    tokens_.ExpectSign(")", kStepHint);
    return Make(std::move(metric), position);
}

ExprPtr MetricParser::StaticSegment(size_t position) {
    Metric metric{.aggregate = Aggregate::kStatic};
    const Token id = tokens_.Peek();
    const std::string digits = tokens_.Is(Token::Kind::kNumber) ? tokens_.Take().value : "";
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), metric.segment);
    if (problem != std::errc() || end != digits.data() + digits.size())
        tokens_.Fail(id, "The id of a segment is missing", "It is stored as static_segment(42).");
    tokens_.ExpectSign(")", "One id, then ).");
    return Make(std::move(metric), position);
}

SequenceStep MetricParser::ReadStep(bool first) {
    SequenceStep step;
    const Token begin = tokens_.Peek();
    if (tokens_.AcceptWord("within")) step.within = Span();
    step.absent = tokens_.AcceptWord("no");
    if (first && (step.within > 0 || step.absent))
        tokens_.Fail(begin, "The first step of a sequence is an event that happened", kStepHint);
    if (!tokens_.AcceptWord("events") || !(tokens_.IsSign(".") || tokens_.IsSign("[")))
        tokens_.Unexpected(kStepHint);
    step.event = EventName();
    step.filter = Filter(!first);
    return step;
}

int64_t MetricParser::Span() {
    if (!tokens_.Is(Token::Kind::kDuration))
        tokens_.Unexpected("Give a duration such as 10s, 15m, 12h, 30d or 2w.");
    return *ParseDuration(tokens_.Take().value);
}

}  // namespace pulse::rule
