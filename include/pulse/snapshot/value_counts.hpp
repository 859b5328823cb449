// How often each value of an attribute occurs, in bounded memory. Exact while there are at most kCapacity
// different values; beyond, rare values are purged (Misra & Gries 1982) and counts are low by at most total /
// (kCapacity / 2). Pure C++.
#pragma once

#include <algorithm>
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
    // Longer values are to be shortened by the caller.
    static constexpr size_t kMaxLength = 200;

    ValueCounts();

    // `value` has at most kMaxLength bytes. Inline: for a value of a few bytes the call costs as much as the
    // rest.
    [[gnu::always_inline]] void Add(std::string_view value, int64_t times = 1) {
        const uint64_t tag = Tag(value);
        for (size_t i = Start(tag, value.size()) & mask_;; i = (i + 1) & mask_) {
            Slot& slot = slots_[i];
            if (slot.count == 0) return Insert(tag, value, times);
            if (slot.tag == tag && slot.length == value.size() &&
                (value.size() <= 8 || Same(text_.data() + slot.offset, value))) {
                slot.count += times;
                return;
            }
        }
    }
    void Merge(const ValueCounts& other);
    // The label of a value too long to keep: its first kKeptCharacters, and the bits of
    // hashtextextended(value, 0).
    static constexpr int kKeptCharacters = 45;
    static std::string Shorten(std::string_view beginning, uint64_t hash);

    // What another counter knows of values that it did not hand over: how many different ones it has seen in
    // all, and how often each missing one occurs at most.
    void KnowDistinct(int64_t different) { least_distinct_ = std::max(least_distinct_, different); }
    void LeftOut(int64_t most) { purged_ += most; }

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

    void Encode(WireWriter& writer) const;
    static ValueCounts Decode(WireReader& reader);

  private:
    struct Slot {
        uint64_t tag = 0;
        int64_t count = 0;  // 0: free
        uint32_t offset = 0;
        uint32_t length = 0;
    };

    template <typename Word>
    static uint64_t Load(const char* bytes) {
        Word word;
        std::memcpy(&word, bytes, sizeof word);
        return word;
    }
    // The two halves of a 128-bit product, folded: mixes every bit of both factors.
    static uint64_t Fold(uint64_t a, uint64_t b) {
        __extension__ typedef unsigned __int128 Wide;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    // Odd constants with irregular bits: digits of pi.
    static constexpr uint64_t kSalt0 = 0x243F6A8885A308D3, kSalt1 = 0x13198A2E03707345,
                              kSalt2 = 0xA4093822299F31D1;

    // Up to 8 bytes: the bytes themselves, so that with the length it is the value. Beyond: a hash. Reads
    // overlap instead of having variable lengths, which cost a call.
    static uint64_t Tag(std::string_view value) {
        const char* p = value.data();
        const size_t n = value.size();
        if (n <= 8) {
            if (n >= 4) return Load<uint32_t>(p) | Load<uint32_t>(p + n - 4) << 32;
            if (n == 0) return 0;
            return Load<uint8_t>(p) | Load<uint8_t>(p + n / 2) << 8 | Load<uint8_t>(p + n - 1) << 16;
        }
        uint64_t hash = kSalt0;
        for (size_t i = 0; i + 8 < n; i += 8) hash = Fold(hash ^ Load<uint64_t>(p + i), kSalt1);
        return Fold(hash ^ Load<uint64_t>(p + n - 8), kSalt2);
    }
    static uint64_t Start(uint64_t tag, size_t length) { return Fold(tag ^ kSalt0, kSalt1 + length); }
    // Of equal length above 8.
    static bool Same(const char* kept, std::string_view value) {
        const size_t n = value.size();
        if (n > 16) return std::memcmp(kept, value.data(), n) == 0;
        return Load<uint64_t>(kept) == Load<uint64_t>(value.data()) &&
               Load<uint64_t>(kept + n - 8) == Load<uint64_t>(value.data() + n - 8);
    }
    void Insert(uint64_t tag, std::string_view value, int64_t times);
    void Place(const Slot& slot);
    void Purge();
    // Moves everything that counts more than `minus`, less `minus`, into a table of `slots` slots.
    void Rebuild(size_t slots, int64_t minus);

    std::vector<Slot> slots_;
    size_t mask_;
    size_t used_ = 0;
    std::string text_;
    int64_t purged_ = 0;
    int64_t least_distinct_ = 0;
    SketchBuilder values_;  // hashes of the values, for Distinct()
};

}  // namespace pulse::snapshot
