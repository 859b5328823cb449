#include "pulse/snapshot/value_counts.hpp"

#include <algorithm>
#include <cstdio>

#include "pulse/base/utf8.hpp"

namespace pulse::snapshot {

namespace {

constexpr size_t kFirstSlots = 64;
constexpr uint32_t kDistinctSize = 1024;

}  // namespace

ValueCounts::ValueCounts() : slots_(kFirstSlots), mask_(kFirstSlots - 1), values_(kDistinctSize) {}

void ValueCounts::Place(const Slot& slot) {
    size_t i = Start(slot.tag, slot.length) & mask_;
    while (slots_[i].count != 0) i = (i + 1) & mask_;
    slots_[i] = slot;
    ++used_;
}

void ValueCounts::Insert(uint64_t tag, std::string_view value, int64_t times) {
    if (times <= 0) return;
    values_.Add(Fold(Start(tag, value.size()) ^ kSalt2, kSalt1));
    if (used_ >= kCapacity) Purge();
    if (2 * (used_ + 1) > slots_.size()) Rebuild(2 * slots_.size(), 0);
    const auto offset = static_cast<uint32_t>(text_.size());
    text_.append(value);
    Place({tag, times, offset, static_cast<uint32_t>(value.size())});
}

void ValueCounts::Rebuild(size_t slots, int64_t minus) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
    const std::string text = std::exchange(text_, std::string());
    mask_ = slots - 1;
    used_ = 0;
    for (Slot slot : old) {
        if (slot.count <= minus) continue;
        const auto offset = static_cast<uint32_t>(text_.size());
        text_.append(text, slot.offset, slot.length);
        slot.offset = offset;
        slot.count -= minus;
        Place(slot);
    }
}

// Takes the median count from all: at least half of the values go, so the work per insertion stays constant.
void ValueCounts::Purge() {
    std::vector<int64_t> counts;
    counts.reserve(used_);
    for (const Slot& slot : slots_)
        if (slot.count != 0) counts.push_back(slot.count);
    const auto middle = counts.begin() + static_cast<ptrdiff_t>(counts.size() / 2);
    std::nth_element(counts.begin(), middle, counts.end());
    purged_ += *middle;
    Rebuild(slots_.size(), *middle);
}

void ValueCounts::Merge(const ValueCounts& other) {
    for (const Slot& slot : other.slots_)
        if (slot.count != 0) Add(std::string_view(other.text_).substr(slot.offset, slot.length), slot.count);
    values_.Merge(other.values_);
    purged_ += other.purged_;
    KnowDistinct(other.least_distinct_);
}

std::vector<ValueCounts::Entry> ValueCounts::Ranked() const {
    std::vector<Entry> entries;
    entries.reserve(used_);
    for (const Slot& slot : slots_)
        if (slot.count != 0) entries.push_back({text_.substr(slot.offset, slot.length), slot.count});
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.count != b.count ? a.count > b.count : a.value < b.value;
    });
    return entries;
}

int64_t ValueCounts::Distinct() const {
    if (purged_ == 0) return std::max(static_cast<int64_t>(used_), least_distinct_);
    return std::max(static_cast<int64_t>(SketchBuilder(values_).Build().Cardinality() + 0.5),
                    least_distinct_);
}

void ValueCounts::Encode(WireWriter& writer) const {
    const std::vector<Entry> entries = Ranked();
    writer.Put(purged_);
    writer.Put(static_cast<uint32_t>(entries.size()));
    for (const Entry& entry : entries) {
        writer.PutText(entry.value);
        writer.Put(entry.count);
    }
    writer.PutText(SketchBuilder(values_).Build().Encode());
}

ValueCounts ValueCounts::Decode(WireReader& reader) {
    ValueCounts counts;
    const int64_t purged = reader.GetCount();
    const uint32_t size = reader.Get<uint32_t>();
    reader.Check(size <= kCapacity, "It holds too many values.");
    for (uint32_t i = 0; i < size; ++i) {
        const std::string_view value = reader.GetText();
        const int64_t count = reader.GetCount();
        reader.Check(value.size() <= kMaxLength && ValidUtf8(value) == value.size() && count > 0,
                     "It holds an impossible value.");
        counts.Add(value, count);
    }
    counts.purged_ += purged;
    counts.values_.Merge(Sketch::Decode(reader.GetText()));
    return counts;
}

std::string ValueCounts::Shorten(std::string_view beginning, uint64_t hash) {
    char mark[24];
    std::snprintf(mark, sizeof mark, "...#%016llx", static_cast<unsigned long long>(hash));
    return std::string(beginning) + mark;
}

}  // namespace pulse::snapshot
