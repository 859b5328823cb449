// How often each value of an attribute occurs, in bounded memory. Exact while there are at most kCapacity different
// values; beyond, rare values are purged (Misra & Gries 1982) and counts are low by at most total / (kCapacity / 2).
// Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/snapshot/sketch.hpp"
#include "pulse/snapshot/wire.hpp"

namespace pulse::snapshot {

class ValueCounts {
  public:
    static constexpr size_t kCapacity = 8192;
    // Longer values are to be shortened by the caller; see Shorten().
    static constexpr size_t kMaxLength = 200;

    ValueCounts();

    // `value` has at most kMaxLength bytes.
    void Add(std::string_view value, int64_t times = 1) {
        const uint64_t hash = Hash(value);
        for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
            Slot& slot = slots_[i];
            if (slot.count == 0) return Insert(hash, value, times);
            if (slot.hash == hash && slot.length == value.size() &&
                std::memcmp(text_.data() + slot.offset, value.data(), value.size()) == 0) {
                slot.count += times;
                return;
            }
        }
    }
    void Merge(const ValueCounts& other);

    struct Entry {
        std::string value;
        int64_t count;
    };
    // All kept values, most frequent first, ties by bytes.
    std::vector<Entry> Ranked() const;
    // Different values seen; an estimate (3 %) once values were purged.
    int64_t Distinct() const;
    // By how much a count may be too low; 0 while exact.
    int64_t uncertainty() const { return purged_; }

    void Encode(Writer& writer) const;
    static ValueCounts Decode(Reader& reader);

  private:
    struct Slot {
        uint64_t hash = 0;
        int64_t count = 0;  // 0: free
        uint32_t offset = 0;
        uint32_t length = 0;
    };

    static uint64_t Hash(std::string_view value);
    void Insert(uint64_t hash, std::string_view value, int64_t times);
    void Place(const Slot& slot);
    void Purge();
    // Moves everything that counts more than `minus`, less `minus`, into a table of `slots` slots.
    void Rebuild(size_t slots, int64_t minus);

    std::vector<Slot> slots_;
    size_t mask_;
    size_t used_ = 0;
    std::string text_;
    int64_t purged_ = 0;
    SketchBuilder values_;  // hashes of the values, for Distinct()
};

// A value too long to be kept whole: its beginning (cut at `cut` bytes, where a character ends) and a hash of all.
std::string Shorten(std::string_view value, size_t cut);

}  // namespace pulse::snapshot
