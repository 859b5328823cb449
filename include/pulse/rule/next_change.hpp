// When the value of an expression can change although nothing happens. Pure C++; used by the compiler only.
//
// Every condition that depends on now is constant between certain instants. Their SQL is collected here;
// until the first of them that is still to come, the value stays what it is.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

class NextChange {
  public:
    explicit NextChange(const std::string& now_sql) : now_sql_(now_sql) {}

    // Note when `left op right` changes. Takes what Compare() takes, of types that fit each other.
    void AddComparison(const CompiledValue& left, Op op, const CompiledValue& right);
    // Note when the value itself changes.
    void AddResult(const CompiledValue& value);
    // The SQL of the first instant after now; null when there is none.
    std::string Until() const;

  private:
    void CompareInstants(const CompiledValue& left, Op op, const CompiledValue& right);
    void CompareSpans(const CompiledValue& left, Op op, const CompiledValue& right);
    void CompareNumbers(const CompiledValue& left, Op op, const CompiledValue& right);
    void CompareTick(const Tick& tick, Op op, const CompiledValue& number);
    void NextTick(const Tick& tick);
    // now op instant
    void AddBorder(Op op, const std::string& instant);
    void AddEpoch(const std::string& seconds);
    void Add(const std::string& instant);

    const std::string& now_sql_;
    std::vector<std::string> instants_;
};

}  // namespace pulse::rule
