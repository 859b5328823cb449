#include "pulse/rule/next_change.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace pulse::rule {

namespace {

constexpr const char* kMicrosecond = "interval '00:00:00.000001'";
// Beyond this a tick is reached by nobody: 10,000 years.
constexpr double kReach = 3.2e11;
// From so many instants on, the next tick is cheaper to find than the next that matters.
constexpr size_t kManyInstants = 200;

Op Mirrored(Op op) {
    switch (op) {
        case Op::kLess: return Op::kGreater;
        case Op::kLessEqual: return Op::kGreaterEqual;
        case Op::kGreater: return Op::kLess;
        case Op::kGreaterEqual: return Op::kLessEqual;
        default: return op;
    }
}

// A comparison of now (or what grows with it) with a border: whether it changes on reaching the border, and
// on leaving it behind.
bool OnReaching(Op op) {
    return op != Op::kLessEqual && op != Op::kGreater;
}
bool OnLeaving(Op op) {
    return op != Op::kLess && op != Op::kGreaterEqual;
}

std::vector<Value> OptionsOf(const Value& value) {
    return value.options.empty() ? std::vector<Value>{value} : value.options;
}

bool MayBeNow(const Value& value) {
    const std::vector<Value> options = OptionsOf(value);
    return std::any_of(options.begin(), options.end(), IsNow);
}

}  // namespace

void Clock::Compare(const Value& left, Op op, const Value& right) {
    if (left.type == Type::kTimestamp || right.type == Type::kTimestamp)
        CompareInstants(ToInstant(left), op, ToInstant(right));
    else if (left.type == Type::kDuration && right.type == Type::kDuration)
        CompareSpans(left, op, right);
    else if (left.type == Type::kNumber && right.type == Type::kNumber)
        CompareNumbers(left, op, right);
}

void Clock::CompareInstants(const Value& left, Op op, const Value& right) {
    for (const Value& a : OptionsOf(left)) {
        for (const Value& b : OptionsOf(right)) {
            if (IsNow(a) == IsNow(b)) continue;
            // now + p op x + q is now op x + (q - p).
            Value border = IsNow(a) ? b : a;
            if (!border.absolute) continue;  // a column of a relation: nobody asks
            border.offset -= IsNow(a) ? a.offset : b.offset;
            Meet(IsNow(a) ? op : Mirrored(op), Plain(border));
        }
    }
}

void Clock::CompareSpans(const Value& left, Op op, const Value& right) {
    const auto moved = [](Value instant, int64_t seconds) {
        instant.offset += seconds;
        for (Value& option : instant.options) option.offset += seconds;
        return instant;
    };
    if (left.difference && right.literal)
        return CompareInstants(left.difference->first, op, moved(left.difference->second, right.seconds));
    if (left.literal && right.difference)
        return CompareInstants(moved(right.difference->second, left.seconds), op, right.difference->first);
    if (!left.difference || !right.difference) return;
    // a - b op c - d: equal where n * now + k = 0, n = -2 … 2.
    for (const Value& a : OptionsOf(left.difference->first))
        for (const Value& b : OptionsOf(left.difference->second))
            for (const Value& c : OptionsOf(right.difference->first))
                for (const Value& d : OptionsOf(right.difference->second)) {
                    int64_t times = 0, offset = 0;
                    std::string known;
                    for (const auto& [value, sign] :
                         {std::pair(&a, 1), std::pair(&b, -1), std::pair(&c, -1), std::pair(&d, 1)}) {
                        if (IsNow(*value)) {
                            times += sign;
                            offset += sign * value->offset;
                        } else {
                            known += (sign > 0 ? " - " : " + ") + Epoch(*value);
                        }
                    }
                    if (times != 0)
                        AddEpoch("((" + std::to_string(-offset) + known + ") / (" + std::to_string(times) +
                                 "))");
                }
}

void Clock::CompareNumbers(const Value& left, Op op, const Value& right) {
    const bool exact = left.simple && right.simple && (left.ticks.empty() || right.ticks.empty()) &&
                       instants_.size() < kManyInstants;
    for (const Tick& tick : left.ticks) exact ? CompareTick(tick, op, right) : NextTick(tick);
    for (const Tick& tick : right.ticks) exact ? CompareTick(tick, Mirrored(op), left) : NextTick(tick);
}

// floor(x) < c is x < ceil(c), and floor(x) <= c is x < floor(c) + 1.
void Clock::CompareTick(const Tick& tick, Op op, const Value& number) {
    const Number* literal = number.literal ? As<Number>(*number.expr) : nullptr;
    if (!literal) {
        const std::string unit = " * " + std::to_string(tick.unit) + ")",
                          start = "(" + Epoch(*tick.start) + " + ";
        if (OnReaching(op)) AddEpoch(start + "pg_catalog.ceil(" + AsNumeric(number) + ")" + unit);
        if (OnLeaving(op)) AddEpoch(start + "(pg_catalog.floor(" + AsNumeric(number) + ") + 1)" + unit);
        return;
    }
    const double border = std::strtod(literal->digits.c_str(), nullptr);
    const auto meet = [&](double count) {
        const double seconds = count * static_cast<double>(tick.unit);
        if (std::abs(seconds) > kReach) return;
        Value instant = *tick.start;
        instant.offset += static_cast<int64_t>(seconds);
        Add(Plain(instant));
    };
    if (OnReaching(op)) meet(std::ceil(border));
    if (OnLeaving(op)) meet(std::floor(border) + 1);
}

void Clock::NextTick(const Tick& tick) {
    const std::string start = Epoch(*tick.start), unit = std::to_string(tick.unit);
    AddEpoch("(" + start + " + (pg_catalog.floor((EXTRACT(epoch FROM " + now_sql_ + ") - " + start + ") / " +
             unit + ") + 1) * " + unit + ")");
}

void Clock::Result(const Value& value) {
    for (const Tick& tick : value.ticks) NextTick(tick);
    const bool moves =
        value.type == Type::kTimestamp
            ? MayBeNow(value)
            : value.difference && MayBeNow(value.difference->first) != MayBeNow(value.difference->second);
    if (moves) Add("(" + now_sql_ + " + " + kMicrosecond + ")");
}

void Clock::Meet(Op op, const std::string& instant) {
    if (OnReaching(op)) Add(instant);
    if (OnLeaving(op)) Add("(" + instant + " + " + kMicrosecond + ")");
}

// Both sides of the border, since it may lie between two microseconds.
void Clock::AddEpoch(const std::string& seconds) {
    const std::string instant = "pulse.to_moment(" + seconds + ")";
    Add(instant);
    Add("(" + instant + " + " + kMicrosecond + ")");
}

void Clock::Add(const std::string& instant) {
    if (std::find(instants_.begin(), instants_.end(), instant) == instants_.end())
        instants_.push_back(instant);
}

std::string Clock::Until() const {
    if (instants_.empty()) return "NULL::timestamptz";
    std::string sql = "LEAST(";
    for (const std::string& instant : instants_)
        sql += (sql.size() > 6 ? ", " : "") +
               ("CASE WHEN " + instant + " > " + now_sql_ + " THEN " + instant + " END");
    return sql + ")";
}

}  // namespace pulse::rule
