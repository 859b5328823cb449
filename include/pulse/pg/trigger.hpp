// Functions that are called as triggers of INSERT.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

class TriggerCall {
  public:
    // kBefore and kAfter: of the statement; kRow: INSTEAD OF a row.
    enum class When { kBefore, kRow, kAfter };

    // Throws UserError 0A000 if the function is not called by a trigger of INSERT.
    explicit TriggerCall(FunctionCallInfo fcinfo);

    When when() const { return when_; }
    // The table of the trigger, as schema.name.
    std::string table() const;
    // The first argument of CREATE TRIGGER; empty if it has none.
    std::string argument() const;
    // The return value for a row, so that the row is counted.
    Datum row() const;

  private:
    friend class TriggerRow;
    FunctionCallInfo fcinfo_;
    When when_;
};

// The new row; its values are valid during the call.
class TriggerRow {
  public:
    explicit TriggerRow(const TriggerCall& call);

    std::vector<std::string> names() const;
    std::vector<Oid> types() const;
    const std::vector<Datum>& values() const { return values_; }
    const bool* nulls() const { return nulls_.get(); }

  private:
    TupleDesc shape_;
    std::vector<Datum> values_;
    std::unique_ptr<bool[]> nulls_;
};

// Call `callback` with `argument` when the innermost (sub)transaction is rolled back, or the outermost one
// ends. It must not throw.
void WhenSubtransactionEnds(void (*callback)(void*), void* argument);

}  // namespace pulse::pg
