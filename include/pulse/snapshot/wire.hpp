// Writes and reads little-endian bytes. Reading checks bounds: malformed input is an error, never undefined.
// Pure C++.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "pulse/base/error.hpp"

namespace pulse::snapshot {

static_assert(std::endian::native == std::endian::little, "big-endian machines need byte swaps in wire.hpp");

class WireWriter {
  public:
    template <typename T>
    void Put(T value) {
        static_assert(std::is_trivially_copyable_v<T>);
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void PutText(std::string_view text) {
        Put<uint32_t>(static_cast<uint32_t>(text.size()));
        bytes_.append(text);
    }
    void PutRaw(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }
    void Reserve(size_t size) { bytes_.reserve(bytes_.size() + size); }
    std::string Take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

class WireReader {
  public:
    // `what` names the thing read in error messages, e.g. "sketch".
    WireReader(std::string_view bytes, const char* what) : rest_(bytes), what_(what) {}

    template <typename T>
    T Get() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        GetRaw(&value, sizeof value);
        return value;
    }
    std::string_view GetText() {
        const uint32_t size = Get<uint32_t>();
        Require(size);
        const std::string_view text = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return text;
    }
    void GetRaw(void* target, size_t size) {
        Require(size);
        if (size > 0) std::memcpy(target, rest_.data(), size);
        rest_.remove_prefix(size);
    }
    // A number of members: not negative, and small enough that sums of them stay numbers.
    int64_t GetCount() {
        const auto count = Get<int64_t>();
        Check(count >= 0 && count <= int64_t{1} << 44, "It holds an impossible count.");
        return count;
    }
    size_t left() const { return rest_.size(); }
    void End() const { Check(rest_.empty(), "There are bytes after its end."); }

    // Throws data_corrupted with `detail` unless `fine`.
    void Check(bool fine, const char* detail) const {
        if (!fine)
            throw UserError(sqlstate::kDataCorrupted, std::string("invalid ") + what_, detail,
                            "It was damaged on the way, or made by a newer version of Pulse.");
    }

  private:
    void Require(size_t size) const { Check(size <= rest_.size(), "It ends before its last field."); }

    std::string_view rest_;
    const char* what_;
};

}  // namespace pulse::snapshot
