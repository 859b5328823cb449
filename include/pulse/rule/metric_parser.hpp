// events.purchase{total > 10}.count_30d and sequence(…) → tree. Pure C++; used by the parser only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pulse/rule/ast.hpp"
#include "pulse/rule/token_stream.hpp"

namespace pulse::rule {

// The number of steps that one sequence may have.
inline constexpr size_t kMaxSteps = 10;

// The part of a metric after its last dot, read from a single name: count, count_30d, sum_amount_30d,
// last_seen_days_ago, …
struct MetricShorthand {
    Metric metric;
    std::optional<Function> since;  // of first_seen_days_ago and the like: days_since(first_seen)
};
std::optional<MetricShorthand> ReadMetricShorthand(const std::string& name);

class MetricParser {
  public:
    // `filter` reads the expression between braces; its argument says whether $ may stand in it.
    MetricParser(TokenStream& tokens, std::function<ExprPtr(bool)> filter)
        : tokens_(tokens), filter_(std::move(filter)) {}

    // Reads on behind the word `events`, where a dot or a bracket stands.
    ExprPtr Events(size_t position);
    // Reads on behind `sequence(`.
    ExprPtr Sequence(size_t position);
    // Reads on behind `static_segment(`. Nobody types it: a rule names the segment, which then counts as
    // used.
    ExprPtr StaticSegment(size_t position);

  private:
    std::string EventName();
    ExprPtr Filter(bool steps);
    void Call(const Token& name, Metric& metric);
    void Arguments(Metric& metric);
    Window ReadWindow();
    Window Calendar();
    SequenceStep ReadStep(bool first);
    int64_t Span();

    TokenStream& tokens_;
    std::function<ExprPtr(bool)> filter_;
};

}  // namespace pulse::rule
