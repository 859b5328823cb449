// Events that arrive as rows.
#include "pulse/profile/store_row_buffer.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::profile {

namespace {

struct InputColumn {
    const char* name;
    json::Value EventFields::*slot;
    bool object;
};

constexpr std::array kInputColumns{
    InputColumn{"type", &EventFields::type, false},
    InputColumn{"user_id", &EventFields::user_id, false},
    InputColumn{"anonymous_id", &EventFields::anonymous_id, false},
    InputColumn{"device_id", &EventFields::device_id, false},
    InputColumn{"email", &EventFields::email, false},
    InputColumn{"phone", &EventFields::phone, false},
    InputColumn{"event", &EventFields::event, false},
    InputColumn{"properties", &EventFields::properties, true},
    InputColumn{"traits", &EventFields::traits, true},
    InputColumn{"timestamp", &EventFields::timestamp, false},
    InputColumn{"message_id", &EventFields::message_id, false},
    InputColumn{"group_id", &EventFields::group_id, false},
    InputColumn{"previous_id", &EventFields::previous_id, false},
    InputColumn{"name", &EventFields::name, false},
    InputColumn{"identifiers", &EventFields::identifiers, true},
    InputColumn{"context", &EventFields::context, true},
    InputColumn{"source", nullptr, false},
};

constexpr size_t kChunk = 1024 * 1024;
// A batch is full at this size in bytes, whatever the number of its events.
constexpr size_t kMaxChunks = 64;
constexpr size_t kReserved = 10'000;

std::string ListInputColumns() {
    std::string names;
    for (const InputColumn& name : kInputColumns)
        names += (names.empty() ? "" : ", ") + std::string(name.name);
    return names;
}

}  // namespace

void RowBuffer::SetColumns(const std::vector<std::string>& names, const std::vector<Oid>& types) {
    bool person = false, act = false;
    for (size_t i = 0; i < names.size(); ++i) {
        const auto found = std::find_if(kInputColumns.begin(), kInputColumns.end(),
                                        [&](const InputColumn& name) { return names[i] == name.name; });
        if (found == kInputColumns.end())
            throw UserError(sqlstate::kInvalidParameter, "unknown column \"" + names[i] + "\"",
                            "Valid columns are " + ListInputColumns() + ".",
                            "Rename it, put it into properties with jsonb_build_object(), or leave it out.");
        if (found->object && types[i] != JSONBOID && types[i] != TEXTOID)
            throw UserError(sqlstate::kInvalidParameter, "column \"" + names[i] + "\" must be jsonb", "",
                            "Cast it: " + names[i] + "::jsonb.");
        if (names[i] == "timestamp" && (types[i] == TIMESTAMPOID || types[i] == DATEOID))
            throw UserError(sqlstate::kInvalidParameter, "column \"timestamp\" has no time zone", "",
                            "Add one: \"timestamp\" AT TIME ZONE 'UTC'.");
        columns_.push_back({found->slot, !found->slot, found->object, types[i]});
        person |= found->slot == &EventFields::user_id || found->slot == &EventFields::anonymous_id ||
                  found->slot == &EventFields::device_id || found->slot == &EventFields::email ||
                  found->slot == &EventFields::phone || found->slot == &EventFields::identifiers;
        act |= found->slot == &EventFields::event || found->slot == &EventFields::type ||
               found->slot == &EventFields::traits || found->slot == &EventFields::group_id ||
               found->slot == &EventFields::previous_id;
    }
    if (!person || !act)
        throw UserError(sqlstate::kInvalidParameter,
                        person ? "no column names the event" : "no column identifies the person",
                        "Valid columns are " + ListInputColumns() + ".",
                        person ? "Give event or type." : "Give user_id or another id.");
}

const char* RowBuffer::Copy(const void* bytes, size_t size) {
    const size_t needed = (size + 7) / 8 * 8;
    if (chunks_.empty() || used_ + needed > chunks_.back().size()) {
        chunks_.emplace_back(std::max(kChunk, needed));
        used_ = 0;
    }
    char* place = chunks_.back().data() + used_;
    std::memcpy(place, bytes, size);
    used_ += needed;
    return place;
}

json::Value RowBuffer::CopyValue(json::Value node) {
    if (node.Is(json::Type::kText))
        node.text = {Copy(node.text.data(), node.text.size()), node.text.size()};
    else if (node.value)
        node.value = Copy(node.value, node.size);
    return node;
}

json::Value RowBuffer::Read(const Column& column, Datum value) {
    if (column.type == JSONBOID) return CopyValue(pg::Root(value));
    if (column.object) {
        // A text that is not JSON stays one, for which the event is rejected.
        const std::string sent = pg::ToText(value);
        const std::optional<Datum> json = sent.empty() ? std::nullopt : pg::ParseSentJson(sent);
        return CopyValue(json ? pg::Root(*json) : pg::TextValue(sent));
    }
    const bool text = column.type == TEXTOID || column.type == VARCHAROID || column.type == BPCHAROID;
    return CopyValue(pg::TextValue(text ? pg::ToText(value) : pg::ToOutput(value, column.type)));
}

void RowBuffer::Add(const Datum* values, const bool* nulls) {
    if (incoming_.empty())
        incoming_.reserve(std::min<size_t>(kReserved, static_cast<size_t>(pg::settings::max_batch)));
    IncomingEvent& incoming = incoming_.emplace_back();
    incoming.received_at = pg::PastNow();
    incoming.source = source_;
    incoming.cause = cause_;
    for (size_t i = 0; i < columns_.size(); ++i) {
        if (nulls[i]) continue;
        const Column& column = columns_[i];
        if (column.source) {
            const std::string source(Read(column, values[i]).text);
            if (source.empty()) continue;
            if (source != checked_) CheckSource(source);
            incoming.source = checked_ = source;
        } else if (column.slot == &EventFields::timestamp && column.type == TIMESTAMPTZOID) {
            const Moment at = DatumGetTimestampTz(values[i]);
            if (TIMESTAMP_NOT_FINITE(at))
                incoming.fields.timestamp = pg::TextValue(at < 0 ? "-infinity" : "infinity");
            else
                incoming.fields.at = at;
        } else {
            const json::Value node = Read(column, values[i]);
            incoming.fields.size += node.Is(json::Type::kText) ? node.text.size() : node.size;
            // CSV files write a missing value as an empty text.
            if (!node.Is(json::Type::kText) || !node.text.empty()) incoming.fields.*column.slot = node;
        }
    }
}

bool RowBuffer::Full() const {
    return incoming_.size() >= static_cast<size_t>(pg::settings::max_batch) || chunks_.size() > kMaxChunks;
}

void RowBuffer::Flush() {
    if (incoming_.empty()) return;
    {
        const pg::OwnerSession session;
        for (const IngestResult& result : IngestEvents(incoming_, true)) {
            if (result.status == IngestResult::Status::kAccepted) ++tally_.accepted;
            if (result.status == IngestResult::Status::kDuplicate) ++tally_.duplicates;
            if (result.status == IngestResult::Status::kRejected) ++tally_.rejected;
        }
    }
    incoming_.clear();
    chunks_.clear();
    used_ = 0;
}

}  // namespace pulse::profile
