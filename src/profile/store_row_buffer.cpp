// Events as rows.
#include "pulse/profile/store_row_buffer.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::profile {

namespace {

struct Name {
    const char* name;
    json::Value Incoming::*slot;
    bool object;
};

constexpr std::array kNames{
    Name{"type", &Incoming::type, false},
    Name{"user_id", &Incoming::user_id, false},
    Name{"anonymous_id", &Incoming::anonymous_id, false},
    Name{"device_id", &Incoming::device_id, false},
    Name{"email", &Incoming::email, false},
    Name{"phone", &Incoming::phone, false},
    Name{"event", &Incoming::event, false},
    Name{"properties", &Incoming::properties, true},
    Name{"traits", &Incoming::traits, true},
    Name{"timestamp", &Incoming::timestamp, false},
    Name{"message_id", &Incoming::message_id, false},
    Name{"group_id", &Incoming::group_id, false},
    Name{"previous_id", &Incoming::previous_id, false},
    Name{"name", &Incoming::name, false},
    Name{"identifiers", &Incoming::identifiers, true},
    Name{"context", &Incoming::context, true},
    Name{"source", nullptr, false},
};

constexpr size_t kChunk = 1024 * 1024;
// A portion is full with these bytes, whatever the number of its events.
constexpr size_t kMaxChunks = 64;
constexpr size_t kReserved = 10'000;

std::string Names() {
    std::string names;
    for (const Name& name : kNames) names += (names.empty() ? "" : ", ") + std::string(name.name);
    return names;
}

}  // namespace

void Rows::SetColumns(const std::vector<std::string>& names, const std::vector<Oid>& types) {
    bool person = false, act = false;
    for (size_t i = 0; i < names.size(); ++i) {
        const auto found = std::find_if(kNames.begin(), kNames.end(),
                                        [&](const Name& name) { return names[i] == name.name; });
        if (found == kNames.end())
            throw UserError(sqlstate::kInvalidParameter, "unknown column \"" + names[i] + "\"",
                            "Columns are " + Names() + ".",
                            "Rename it, put it into properties with jsonb_build_object(), or leave it out.");
        if (found->object && types[i] != JSONBOID)
            throw UserError(sqlstate::kInvalidParameter, "column \"" + names[i] + "\" must be jsonb", "",
                            "Cast it: " + names[i] + "::jsonb.");
        if (names[i] == "timestamp" && (types[i] == TIMESTAMPOID || types[i] == DATEOID))
            throw UserError(sqlstate::kInvalidParameter, "column \"timestamp\" has no time zone", "",
                            "Say which it is: \"timestamp\" AT TIME ZONE 'UTC'.");
        columns_.push_back({found->slot, !found->slot, types[i]});
        person |= found->slot == &Incoming::user_id || found->slot == &Incoming::anonymous_id ||
                  found->slot == &Incoming::device_id || found->slot == &Incoming::email ||
                  found->slot == &Incoming::phone || found->slot == &Incoming::identifiers;
        act |= found->slot == &Incoming::event || found->slot == &Incoming::type ||
               found->slot == &Incoming::traits || found->slot == &Incoming::group_id ||
               found->slot == &Incoming::previous_id;
    }
    if (!person || !act)
        throw UserError(sqlstate::kInvalidParameter,
                        person ? "no column says what happened" : "no column says who did it",
                        "Columns are " + Names() + ".",
                        person ? "Give event or type." : "Give user_id or another id.");
}

const char* Rows::Copy(const void* bytes, size_t size) {
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

json::Value Rows::CopyValue(json::Value node) {
    if (node.Is(json::Type::kText))
        node.text = {Copy(node.text.data(), node.text.size()), node.text.size()};
    else if (node.value)
        node.value = Copy(node.value, node.size);
    return node;
}

json::Value Rows::Read(const Column& column, Datum value) {
    if (column.type == JSONBOID) return CopyValue(pg::Root(value));
    const bool text = column.type == TEXTOID || column.type == VARCHAROID || column.type == BPCHAROID;
    return CopyValue(pg::TextValue(text ? pg::ToText(value) : pg::ToOutput(value, column.type)));
}

void Rows::Add(const Datum* values, const bool* nulls) {
    if (arrivals_.empty())
        arrivals_.reserve(std::min<size_t>(kReserved, static_cast<size_t>(pg::settings::max_batch)));
    Arrival& arrival = arrivals_.emplace_back();
    arrival.received_at = pg::PastNow();
    arrival.source = source_;
    arrival.cause = cause_;
    for (size_t i = 0; i < columns_.size(); ++i) {
        if (nulls[i]) continue;
        const Column& column = columns_[i];
        if (column.source) {
            const std::string source(Read(column, values[i]).text);
            if (source.empty()) continue;
            if (source != checked_) CheckSource(source);
            arrival.source = checked_ = source;
        } else if (column.slot == &Incoming::timestamp && column.type == TIMESTAMPTZOID) {
            const Moment at = DatumGetTimestampTz(values[i]);
            if (TIMESTAMP_NOT_FINITE(at))
                arrival.incoming.timestamp = pg::TextValue(at < 0 ? "-infinity" : "infinity");
            else
                arrival.incoming.at = at;
        } else {
            const json::Value node = Read(column, values[i]);
            arrival.incoming.size += node.Is(json::Type::kText) ? node.text.size() : node.size;
            // An empty text is what CSV files have for nothing.
            if (!node.Is(json::Type::kText) || !node.text.empty()) arrival.incoming.*column.slot = node;
        }
    }
}

bool Rows::Full() const {
    return arrivals_.size() >= static_cast<size_t>(pg::settings::max_batch) || chunks_.size() > kMaxChunks;
}

void Rows::Flush() {
    if (arrivals_.empty()) return;
    {
        const pg::Identity owner = pg::Identity::Owner();
        const pg::Session session;
        for (const Verdict& verdict : TakeIn(arrivals_, true)) {
            if (verdict.status == Verdict::Status::kAccepted) ++tally_.accepted;
            if (verdict.status == Verdict::Status::kDuplicate) ++tally_.duplicates;
            if (verdict.status == Verdict::Status::kRejected) ++tally_.rejected;
        }
    }
    arrivals_.clear();
    chunks_.clear();
    used_ = 0;
}

}  // namespace pulse::profile
