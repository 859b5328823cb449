// The tree behind every rule, whether it was written as text or as JSON. Pure C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace pulse::rule {

// Limits on what a rule may look like. Everything that walks a tree recurses at most kMaxDepth deep.
inline constexpr size_t kMaxDepth = 100;
inline constexpr size_t kMaxText = 1 << 20;              // bytes of a rule
inline constexpr size_t kMaxList = 10'000;               // elements of a list, operands of an and/or
inline constexpr int64_t kMaxDuration = 31'557'600'000;  // seconds: 1,000 years

struct Expr;
// Trees are immutable and shared: a clause can outlive the rule it is part of.
using ExprPtr = std::shared_ptr<const Expr>;

struct Null {};
struct Boolean {
    bool value;
};
// An exact decimal in its shortest form, without exponent: "-1.5", "1000".
struct Number {
    std::string digits;
};
struct Text {
    std::string value;
};
struct Duration {
    int64_t seconds;
};
// Literals only: the right side of `in`, `contains_any` and `contains_all`, and list(…) beside = and !=.
struct List {
    std::vector<ExprPtr> items;
};

// A name that a Scope resolves. A path of names (`ltv`, `profile.plan`), a named trait or segment
// (`trait("vip")`), which has exactly one name, inside a sequence a property of the step before
// (`$.product_id`), or inside any() and all() the element itself (`$`), which has no name.
struct Reference {
    enum class Kind { kPath, kTrait, kSegment, kStep, kElement };
    Kind kind;
    std::vector<std::string> path;
};

enum class Function {
    kLower,
    kUpper,
    kLen,
    kAbs,
    kRound,
    kDaysSince,
    kNow,
    kSecondsSince,
    kMinutesSince,
    kHoursSince,
    kIf,
    kNumber,
    kSemver,
    kInet,
    kIgnoreCase,
    kType,  // casts
};

struct Call {
    Function function;
    std::vector<ExprPtr> arguments;
};

// any(list, condition) and all(list, condition): whether the condition is true for any or for all elements of
// a list. Names in the condition are properties of an element.
struct Elements {
    bool all = false;
    ExprPtr list;
    ExprPtr condition;
};

// Which events count: those with now - from < time <= now - to, or those of whole local days, weeks or
// months: the current one and `count` - 1 before it.
struct Window {
    enum class Kind { kAll, kSliding, kCalendar };
    enum class Unit { kDay, kWeek, kMonth };
    Kind kind = Kind::kAll;
    int64_t from = 0, to = 0;  // seconds
    int count = 0;
    Unit unit = Unit::kDay;
};

enum class Aggregate {
    kCount,
    kExists,
    kUniqueDays,
    kFirstSeen,
    kLastSeen,  // of events
    kSum,
    kAverage,
    kMin,
    kMax,
    kMedian,
    kP95,
    kFirst,
    kLast,
    kMode,
    kDistinct,
    kList,  // of a property
    kSequence,
    kStatic,   // whether the person was added to a static segment
    kConsent,  // whether the person's consent for a purpose is live
};

// One step of a sequence: such an event after the one before, or (absent) none.
struct SequenceStep {
    bool absent = false;
    std::string event;
    ExprPtr filter;      // over the event's properties, or nullptr
    int64_t within = 0;  // seconds after the step before; 0: any time
};

// An aggregate of one person's events, or kStatic, or kConsent (pulse/rule/metric.hpp).
struct Metric {
    Aggregate aggregate = Aggregate::kCount;
    std::string event = {};                  // empty: any
    std::vector<std::string> property = {};  // path
    ExprPtr filter = nullptr;                // over the event's properties, or nullptr
    Window window = {};                      // of a sequence: all its steps lie in it
    std::vector<SequenceStep> steps = {};
    int64_t segment = 0;       // of kStatic: its id
    std::string purpose = {};  // of kConsent
};

// One node per meaning: `x not in […]` is kNot over kIn, `exists x` and `x != null` are kNot over kIsNull,
// `coalesce(a, b)` is `a ?? b`.
enum class Op {
    kOr,
    kAnd,
    kNot,  // kOr, kAnd: two or more operands, flattened
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kIn,
    kBetween,
    kIsNull,  // kBetween: value, low, high
    kContains,
    kContainsAny,
    kContainsAll,
    kStartsWith,
    kEndsWith,
    kMatches,
    kWithinLast,
    kBeforeLast,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kModulo,
    kNegate,
    kCoalesce,  // two or more operands, flattened
};

struct Operation {
    Op op;
    std::vector<ExprPtr> operands;
};

using Node =
    std::variant<Null, Boolean, Number, Text, Duration, List, Reference, Call, Elements, Metric, Operation>;

struct Expr {
    Node node;
    size_t position;  // of its first character in the rule's text, from 1; 0 in a rule that came as JSON
    size_t depth;     // 1 for a leaf
};

// Makes a leaf, a list, or a condition on elements.
ExprPtr Make(Node node, size_t position);
// Makes a call, or an operation in normal form (flattened, negated numbers and double negations folded, `=
// null` as kIsNull). Throws UserError when the tree becomes too deep or too wide, or null stands where it
// never can be true.
ExprPtr MakeCall(Function function, std::vector<ExprPtr> arguments, size_t position);
ExprPtr MakeOperation(Op op, std::vector<ExprPtr> operands, size_t position);

// What a node computes with: without literals of a list, and without conditions on events and elements, whose
// names mean something else.
std::span<const ExprPtr> OperandsOf(const Expr& expr);

// The node as T, or nullptr.
template <typename T>
const T* As(const Expr& expr) {
    return std::get_if<T>(&expr.node);
}

// The operation if it has this operator, or nullptr.
inline const Operation* AsOp(const Expr& expr, Op op) {
    const Operation* operation = As<Operation>(expr);
    return operation && operation->op == op ? operation : nullptr;
}

}  // namespace pulse::rule
