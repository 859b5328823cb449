// Events that arrive as rows: COPY into pulse.ingest, and imports. For entry code of this room.
#pragma once

#include <deque>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

// Collects rows to ingest as one batch. Keeps copies in its own memory.
class RowBuffer {
  public:
    RowBuffer(Cause cause, std::string source) : cause_(cause), source_(std::move(source)) {}

    // Set the names and types of the columns, in the order in which Add() gets them. Throws UserError 22023.
    void SetColumns(const std::vector<std::string>& names, const std::vector<Oid>& types);
    void Add(const Datum* values, const bool* nulls);
    // Whether a batch is full.
    bool Full() const;
    // Ingest the collected rows. Needs no Session.
    void Flush();

    const Tally& tally() const { return tally_; }

  private:
    struct Column {
        json::Value EventFields::*slot = nullptr;  // null: the timestamp as a moment, or the source
        bool source = false;
        bool object = false;
        Oid type = InvalidOid;
    };
    const char* Copy(const void* bytes, size_t size);
    json::Value CopyValue(json::Value node);
    json::Value Read(const Column& column, Datum value);

    Cause cause_;
    std::string source_;  // of rows without a source
    std::vector<Column> columns_;
    std::vector<IncomingEvent> incoming_;
    std::string checked_;  // the last source that was validated
    std::deque<std::vector<char>> chunks_;
    size_t used_ = 0;  // of the last chunk
    Tally tally_;
};

}  // namespace pulse::profile
