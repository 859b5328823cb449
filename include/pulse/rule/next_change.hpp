// The next time at which the value of an expression can change without an event. Pure C++; used by the
// compiler only.
//
// Every condition on now is constant between certain instants. This class collects their SQL; the value stays
// the same until the first of them after now.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/compiled_value.hpp"

namespace pulse::rule {

class NextChange {
  public:
    explicit NextChange(const std::string& now_sql) : now_sql_(now_sql) {}

    // Adds the instants at which `left op right` changes. The types must be comparable.
    void AddComparison(const CompiledValue& left, Op op, const CompiledValue& right);
    // Adds the instants at which the value itself changes.
    void AddResult(const CompiledValue& value);
    // The SQL of the first instant after now; its value is null if there is none.
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
