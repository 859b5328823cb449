// Rows as values, for functions with several OUT parameters.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// Make it static: described once per backend.
class RecordType {
  public:
    struct Column {
        const char* name;
        Oid type;
    };
    explicit RecordType(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // A row, in the current memory context. As many values as there are columns.
    Datum Make(const std::vector<Value>& values) const;

  private:
    std::vector<Column> columns_;
    mutable TupleDesc descriptor_ = nullptr;  // in TopMemoryContext
};

}  // namespace pulse::pg
