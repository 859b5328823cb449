#include "pulse/rule/next_change.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace pulse::rule {

namespace {

constexpr const char* kMicrosecond = "interval '00:00:00.000001'";
// No tick beyond this is ever reached: 10,000 years.
constexpr double kMaxSeconds = 3.2e11;
// From this number of instants on, finding the next tick is cheaper than finding the next relevant one.
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

std::vector<CompiledValue> OptionsOf(const CompiledValue& value) {
    return value.options.empty() ? std::vector<CompiledValue>{value} : value.options;
}

bool MayBeNow(const CompiledValue& value) {
    const std::vector<CompiledValue> options = OptionsOf(value);
    return std::any_of(options.begin(), options.end(), IsNow);
}

}  // namespace

void NextChange::AddComparison(const CompiledValue& left, Op op, const CompiledValue& right) {
    if (left.type == ValueType::kTimestamp || right.type == ValueType::kTimestamp)
        CompareInstants(ToInstant(left), op, ToInstant(right));
    else if (left.type == ValueType::kDuration && right.type == ValueType::kDuration)
        CompareSpans(left, op, right);
    else if (left.type == ValueType::kNumber && right.type == ValueType::kNumber)
        CompareNumbers(left, op, right);
}

void NextChange::CompareInstants(const CompiledValue& left, Op op, const CompiledValue& right) {
    for (const CompiledValue& a : OptionsOf(left)) {
        for (const CompiledValue& b : OptionsOf(right)) {
            if (IsNow(a) == IsNow(b)) continue;
            // now + p op x + q is now op x + (q - p).
            CompiledValue border = IsNow(a) ? b : a;
            if (!border.absolute) continue;  // a column of a relation: not needed
            border.offset -= IsNow(a) ? a.offset : b.offset;
            AddBorder(IsNow(a) ? op : Mirrored(op), ToSql(border));
        }
    }
}

void NextChange::CompareSpans(const CompiledValue& left, Op op, const CompiledValue& right) {
    const auto moved = [](CompiledValue instant, int64_t seconds) {
        instant.offset += seconds;
        for (CompiledValue& option : instant.options) option.offset += seconds;
        return instant;
    };
    if (left.difference && right.literal)
        return CompareInstants(left.difference->first, op, moved(left.difference->second, right.seconds));
    if (left.literal && right.difference)
        return CompareInstants(moved(right.difference->second, left.seconds), op, right.difference->first);
    if (!left.difference || !right.difference) return;
    // a - b op c - d: equal where n * now + k = 0, n = -2 … 2.
    for (const CompiledValue& a : OptionsOf(left.difference->first))
        for (const CompiledValue& b : OptionsOf(left.difference->second))
            for (const CompiledValue& c : OptionsOf(right.difference->first))
                for (const CompiledValue& d : OptionsOf(right.difference->second)) {
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

void NextChange::CompareNumbers(const CompiledValue& left, Op op, const CompiledValue& right) {
    const bool exact = left.simple && right.simple && (left.ticks.empty() || right.ticks.empty()) &&
                       instants_.size() < kManyInstants;
    for (const Tick& tick : left.ticks) exact ? CompareTick(tick, op, right) : NextTick(tick);
    for (const Tick& tick : right.ticks) exact ? CompareTick(tick, Mirrored(op), left) : NextTick(tick);
}

// floor(x) < c is x < ceil(c), and floor(x) <= c is x < floor(c) + 1.
void NextChange::CompareTick(const Tick& tick, Op op, const CompiledValue& number) {
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
        if (std::abs(seconds) > kMaxSeconds) return;
        CompiledValue instant = *tick.start;
        instant.offset += static_cast<int64_t>(seconds);
        Add(ToSql(instant));
    };
    if (OnReaching(op)) meet(std::ceil(border));
    if (OnLeaving(op)) meet(std::floor(border) + 1);
}

void NextChange::NextTick(const Tick& tick) {
    const std::string start = Epoch(*tick.start), unit = std::to_string(tick.unit);
    AddEpoch("(" + start + " + (pg_catalog.floor((EXTRACT(epoch FROM " + now_sql_ + ") - " + start + ") / " +
             unit + ") + 1) * " + unit + ")");
}

void NextChange::AddResult(const CompiledValue& value) {
    for (const Tick& tick : value.ticks) NextTick(tick);
    const bool moves =
        value.type == ValueType::kTimestamp
            ? MayBeNow(value)
            : value.difference && MayBeNow(value.difference->first) != MayBeNow(value.difference->second);
    if (moves) Add("(" + now_sql_ + " + " + kMicrosecond + ")");
}

void NextChange::AddBorder(Op op, const std::string& instant) {
    if (OnReaching(op)) Add(instant);
    if (OnLeaving(op)) Add("(" + instant + " + " + kMicrosecond + ")");
}

// Both sides of the border, since it may lie between two microseconds.
void NextChange::AddEpoch(const std::string& seconds) {
    const std::string instant = "pulse.to_moment(" + seconds + ")";
    Add(instant);
    Add("(" + instant + " + " + kMicrosecond + ")");
}

void NextChange::Add(const std::string& instant) {
    if (std::find(instants_.begin(), instants_.end(), instant) == instants_.end())
        instants_.push_back(instant);
}

std::string NextChange::Until() const {
    if (instants_.empty()) return "NULL::timestamptz";
    std::string sql = "LEAST(";
    for (const std::string& instant : instants_)
        sql += (sql.size() > 6 ? ", " : "") +
               ("CASE WHEN " + instant + " > " + now_sql_ + " THEN " + instant + " END");
    return sql + ")";
}

}  // namespace pulse::rule
