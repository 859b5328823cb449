// Events that come as rows with columns: COPY into pulse.ingest, and imports. For entry code of this room.
#pragma once

#include <deque>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

// Rows that wait to be ingested together. Keeps copies in its own memory.
class RowBuffer {
  public:
    RowBuffer(Cause cause, std::string source) : cause_(cause), source_(std::move(source)) {}

    // What the columns of a row are by their names, in the order in which Add() gets them. Throws UserError
    // 22023.
    void SetColumns(const std::vector<std::string>& names, const std::vector<Oid>& types);
    void Add(const Datum* values, const bool* nulls);
    // A portion is full.
    bool Full() const;
    // Take in what is there. Needs no Session.
    void Flush();

    const Tally& tally() const { return tally_; }

  private:
    struct Column {
        json::Value EventFields::*slot = nullptr;  // null: the timestamp as a moment, or the source
        bool source = false;
        Oid type = InvalidOid;
    };
    const char* Copy(const void* bytes, size_t size);
    json::Value CopyValue(json::Value node);
    json::Value Read(const Column& column, Datum value);

    Cause cause_;
    std::string source_;  // of rows that name none
    std::vector<Column> columns_;
    std::vector<IncomingEvent> incoming_;
    std::string checked_;  // the source that was found good last
    std::deque<std::vector<char>> chunks_;
    size_t used_ = 0;  // of the last chunk
    Tally tally_;
};

}  // namespace pulse::profile
