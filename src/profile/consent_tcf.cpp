#include "pulse/profile/consent_tcf.hpp"

#include <vector>

#include "pulse/profile/consent_bits.hpp"

namespace pulse::profile {

namespace {

constexpr int kTcfVersion = 2;
constexpr uint64_t kDisclosedVendors = 1;  // type of a segment
// TCF 2.3 counts from 28 February 2026: later strings say which vendors were shown.
constexpr Moment kDisclosedSince = 825'552'000 * kSecond;
constexpr int64_t kEpoch2000 = 946'684'800;  // seconds from 1970 to 2000
enum Restriction : uint64_t { kNotAllowed = 0, kLegitimateInterest = 2 };

std::vector<std::string_view> Segments(std::string_view text) {
    std::vector<std::string_view> segments;
    for (size_t begin = 0;;) {
        const size_t end = text.find('.', begin);
        segments.push_back(text.substr(begin, end - begin));
        if (end == std::string_view::npos) return segments;
        begin = end + 1;
    }
}

// Reads entries up to their end, and says whether the vendor is among them.
bool ReadRange(BitReader& bits, uint64_t vendor) {
    bool found = false;
    const uint64_t entries = bits.Read(12);
    for (uint64_t i = 0; i < entries; ++i) {
        const bool range = bits.ReadBit();
        const uint64_t first = bits.Read(16), last = range ? bits.Read(16) : first;
        if (last < first) throw UnreadableBits{"a range in it is backwards"};
        found = found || (first <= vendor && vendor <= last);
    }
    return found;
}

bool ReadVendors(BitReader& bits, uint64_t vendor) {
    const uint64_t last = bits.Read(16);
    if (bits.ReadBit()) return ReadRange(bits, vendor) && vendor <= last;
    if (vendor > last) {
        bits.Skip(last);
        return false;
    }
    bits.Skip(vendor - 1);
    const bool found = bits.ReadBit();
    bits.Skip(last - vendor);
    return found;
}

Moment ReadTime(BitReader& bits) {
    const auto tenths = static_cast<int64_t>(bits.Read(36));
    return tenths * (kSecond / 10) - kEpoch2000 * kSecond;
}

// Takes away what the publisher forbids the vendor, or bases on something other than consent.
void ReadRestrictions(BitReader& bits, uint64_t vendor, TcfConsent& consent) {
    const uint64_t count = bits.Read(12);
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t purpose = bits.Read(6), kind = bits.Read(2);
        const bool concerned = ReadRange(bits, vendor);
        if (concerned && purpose >= 1 && purpose <= 24 &&
            (kind == kNotAllowed || kind == kLegitimateInterest))
            consent.purposes &= ~(uint32_t{1} << (purpose - 1));
    }
}

TcfConsent ReadCore(BitReader bits, uint64_t vendor) {
    TcfConsent consent;
    if (const uint64_t version = bits.Read(6); version != kTcfVersion)
        throw UnreadableBits{"its version is " + std::to_string(version)};
    bits.Skip(36);  // created
    consent.last_updated = ReadTime(bits);
    consent.cmp = static_cast<int>(bits.Read(12));
    bits.Skip(12 + 6 + 12 + 12);  // the manager's version, screen, language; the version of the vendor list
    consent.policy_version = static_cast<int>(bits.Read(6));
    if (!bits.ReadBit()) throw UnreadableBits{"it is not for one service"};
    bits.Skip(1 + 12);  // texts that are not the standard's, special features
    const uint64_t purposes = bits.Read(24);
    for (int i = 0; i < 24; ++i)
        if (purposes >> (23 - i) & 1) consent.purposes |= uint32_t{1} << i;
    bits.Skip(24 + 1 + 12);  // legitimate interests, treatment of purpose 1, country
    consent.vendor = ReadVendors(bits, vendor);
    ReadVendors(bits, vendor);  // legitimate interests
    ReadRestrictions(bits, vendor, consent);
    return consent;
}

}  // namespace

std::optional<TcfConsent> ReadTcf(std::string_view text, int vendor, std::string& problem) {
    try {
        if (text.size() > kMaxConsentString) throw UnreadableBits{"it is too long"};
        const std::vector<std::string_view> segments = Segments(text);
        const auto id = static_cast<uint64_t>(vendor);
        TcfConsent consent = ReadCore(BitReader(segments[0]), id);
        bool shown = true;
        for (size_t i = 1; i < segments.size(); ++i) {
            BitReader bits(segments[i]);
            if (bits.Read(3) != kDisclosedVendors) continue;
            shown = ReadVendors(bits, id) && shown;
            consent.has_disclosed = true;
        }
        if (!consent.has_disclosed && consent.last_updated >= kDisclosedSince)
            throw UnreadableBits{"it does not say which vendors were shown"};
        consent.vendor = consent.vendor && shown;
        return consent;
    } catch (const UnreadableBits& unreadable) {
        problem = unreadable.problem;
        return std::nullopt;
    }
}

}  // namespace pulse::profile
