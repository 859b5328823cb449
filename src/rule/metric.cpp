#include "pulse/rule/metric.hpp"

#include "pulse/base/error.hpp"
#include "pulse/rule/consent.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

struct AggregateName {
    std::string_view name;
    Aggregate aggregate;
};

// The first name of each is the one that is printed.
constexpr AggregateName kAggregates[] = {
    {"count", Aggregate::kCount},
    {"exists", Aggregate::kExists},
    {"unique_days", Aggregate::kUniqueDays},
    {"first_seen", Aggregate::kFirstSeen},
    {"last_seen", Aggregate::kLastSeen},
    {"sum", Aggregate::kSum},
    {"avg", Aggregate::kAverage},
    {"average", Aggregate::kAverage},
    {"min", Aggregate::kMin},
    {"max", Aggregate::kMax},
    {"p50", Aggregate::kMedian},
    {"median", Aggregate::kMedian},
    {"p95", Aggregate::kP95},
    {"first", Aggregate::kFirst},
    {"last", Aggregate::kLast},
    {"mode", Aggregate::kMode},
    {"distinct", Aggregate::kDistinct},
    {"list", Aggregate::kList},
};

}  // namespace

const char* Name(Aggregate aggregate) {
    for (const AggregateName& entry : kAggregates)
        if (entry.aggregate == aggregate) return entry.name.data();
    if (aggregate == Aggregate::kConsent) return "consent";
    return aggregate == Aggregate::kStatic ? "static_segment" : "sequence";
}

std::optional<Aggregate> FindAggregate(std::string_view name) {
    for (const AggregateName& entry : kAggregates)
        if (EqualsIgnoringCase(entry.name, name)) return entry.aggregate;
    return std::nullopt;
}

bool NeedsProperty(Aggregate aggregate) {
    switch (aggregate) {
        case Aggregate::kCount:
        case Aggregate::kExists:
        case Aggregate::kUniqueDays:
        case Aggregate::kFirstSeen:
        case Aggregate::kLastSeen:
        case Aggregate::kSequence:
        case Aggregate::kStatic:
        case Aggregate::kConsent: return false;
        default: return true;
    }
}

std::string TimeSinceName(Aggregate aggregate, Function since) {
    if (aggregate != Aggregate::kFirstSeen && aggregate != Aggregate::kLastSeen) return "";
    const std::string name = Name(aggregate);
    switch (since) {
        case Function::kSecondsSince: return name + "_seconds_ago";
        case Function::kMinutesSince: return name + "_minutes_ago";
        case Function::kHoursSince: return name + "_hours_ago";
        case Function::kDaysSince: return name + "_days_ago";
        default: return "";
    }
}

ValueType TypeOf(const Metric& metric) {
    switch (metric.aggregate) {
        case Aggregate::kExists:
        case Aggregate::kSequence:
        case Aggregate::kStatic:
        case Aggregate::kConsent: return ValueType::kBoolean;
        case Aggregate::kFirstSeen:
        case Aggregate::kLastSeen: return ValueType::kTimestamp;
        case Aggregate::kMin:
        case Aggregate::kMax:
        case Aggregate::kFirst:
        case Aggregate::kLast:
        case Aggregate::kMode: return ValueType::kJson;
        case Aggregate::kList: return ValueType::kArray;
        default: return ValueType::kNumber;
    }
}

const char* SqlTypeOf(const Metric& metric) {
    switch (TypeOf(metric)) {
        case ValueType::kBoolean: return "boolean";
        case ValueType::kTimestamp: return "timestamp with time zone";
        case ValueType::kJson: return "jsonb";
        case ValueType::kArray: return "text[]";
        default: return "numeric";
    }
}

Metric ParseMetric(std::string_view text) {
    const ExprPtr expr = ParseStored(text);
    if (const Metric* metric = As<Metric>(*expr)) return *metric;
    if (const Reference* reference = As<Reference>(*expr))
        if (const std::string* purpose = PurposeOf(*reference))
            return Metric{.aggregate = Aggregate::kConsent, .purpose = *purpose};
    throw UserError(sqlstate::kSyntaxError, "not an aggregate of events",
                    "The text is " + PrintShort(*expr) + ".",
                    "Write one such as events.purchase.count(30d).");
}

}  // namespace pulse::rule
