// Writes the strings of consent managers bit by bit, as their specifications say: nothing of it is shared
// with the decoders.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace pulse::profile::testing {

class BitWriter {
  public:
    BitWriter& Add(uint64_t value, int bits) {
        for (int i = bits - 1; i >= 0; --i) bits_ += (value >> i & 1) ? '1' : '0';
        return *this;
    }
    BitWriter& Fibonacci(uint64_t value) {
        std::vector<uint64_t> numbers = {1, 2};
        while (numbers.back() <= value) numbers.push_back(numbers.back() + numbers[numbers.size() - 2]);
        std::string code;
        for (size_t i = numbers.size(); i-- > 0;) {
            const bool takes = numbers[i] <= value;
            if (takes) value -= numbers[i];
            if (takes || !code.empty()) code.insert(code.begin(), takes ? '1' : '0');
        }
        bits_ += code + "1";
        return *this;
    }
    std::string Base64Url() const {
        static const char* const kAlphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        std::string padded = bits_, text;
        while (padded.size() % 6 != 0) padded += '0';
        for (size_t i = 0; i < padded.size(); i += 6)
            text += kAlphabet[std::stoul(padded.substr(i, 6), nullptr, 2)];
        return text;
    }

  private:
    std::string bits_;
};

// A TC string.
struct TcString {
    int version = 2;
    int64_t updated = 1'750'000'000;  // seconds since 1970
    std::set<int> purposes = {1, 2, 3, 4, 7};
    std::set<int> vendors = {1, 755};
    bool as_ranges = false;
    bool for_one_service = true;
    struct Restriction {
        int purpose, kind;
        std::vector<std::pair<int, int>> vendors;
    };
    std::vector<Restriction> restrictions = {};
    std::vector<std::set<int>> disclosed = {};  // a segment for each

    static void AddVendors(BitWriter& bits, const std::set<int>& vendors, bool as_ranges) {
        const int last = vendors.empty() ? 0 : *vendors.rbegin();
        bits.Add(static_cast<uint64_t>(last), 16).Add(as_ranges, 1);
        if (!as_ranges) {
            for (int id = 1; id <= last; ++id) bits.Add(vendors.contains(id), 1);
            return;
        }
        bits.Add(vendors.size(), 12);
        bool odd = false;
        for (const int id : vendors) {
            bits.Add(odd, 1).Add(static_cast<uint64_t>(id), 16);
            if (odd) bits.Add(static_cast<uint64_t>(id), 16);
            odd = !odd;
        }
    }

    std::string Write() const {
        BitWriter bits;
        bits.Add(static_cast<uint64_t>(version), 6);
        bits.Add(static_cast<uint64_t>(updated * 10), 36).Add(static_cast<uint64_t>(updated * 10), 36);
        bits.Add(31, 12).Add(2, 12).Add(1, 6).Add(0, 6).Add(3, 6).Add(120, 12).Add(5, 6);
        bits.Add(for_one_service, 1).Add(0, 1).Add(0, 12);
        for (int purpose = 1; purpose <= 24; ++purpose) bits.Add(purposes.contains(purpose), 1);
        bits.Add(0, 24).Add(0, 1).Add(3, 6).Add(4, 6);
        AddVendors(bits, vendors, as_ranges);
        AddVendors(bits, {2, 9}, !as_ranges);
        bits.Add(restrictions.size(), 12);
        for (const Restriction& restriction : restrictions) {
            bits.Add(static_cast<uint64_t>(restriction.purpose), 6);
            bits.Add(static_cast<uint64_t>(restriction.kind), 2).Add(restriction.vendors.size(), 12);
            for (const auto& [first, last] : restriction.vendors)
                bits.Add(1, 1).Add(static_cast<uint64_t>(first), 16).Add(static_cast<uint64_t>(last), 16);
        }
        std::string text = bits.Base64Url();
        for (const std::set<int>& shown : disclosed) {
            BitWriter segment;
            segment.Add(1, 3);
            AddVendors(segment, shown, as_ranges);
            text += "." + segment.Base64Url();
        }
        return text;
    }
};

// The header of a GPP string with these sections, each named by itself.
inline std::string GppHeader(const std::vector<int>& ids) {
    BitWriter bits;
    bits.Add(3, 6).Add(1, 6).Add(ids.size(), 12);
    int last = 0;
    for (const int id : ids) {
        bits.Add(0, 1).Fibonacci(static_cast<uint64_t>(id - last));
        last = id;
    }
    return bits.Base64Url();
}

}  // namespace pulse::profile::testing
