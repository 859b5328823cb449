#include "pulse/profile/consent_gpp.hpp"

#include <algorithm>
#include <array>

#include "pulse/profile/consent_bits.hpp"
#include "pulse/profile/consent_tcf.hpp"

namespace pulse::profile {

namespace {

constexpr uint64_t kHeaderType = 3, kHeaderVersion = 1;
constexpr int kTcfEurope = 2, kUsPrivacy = 6;
constexpr uint64_t kMostSections = 100;
constexpr uint64_t kOptedOut = 1, kGpcSubsection = 1;
constexpr uint64_t kNewestVersion = 2;

// Where a section has its opt-outs, in bits from the beginning of its core; each has two bits.
struct UsSection {
    int id;
    const char* name;
    std::array<int, 3> opt_outs;  // -1: no more
    bool has_header = false;      // section id and version stand in a part of their own before the core
};

constexpr std::array kUsSections{
    UsSection{7, "usnat", {18, 20, 22}},       UsSection{8, "usca", {12, 14, -1}},
    UsSection{9, "usva", {12, 14, -1}},        UsSection{10, "usco", {12, 14, -1}},
    UsSection{11, "usut", {14, 16, -1}},       UsSection{12, "usct", {12, 14, -1}},
    UsSection{13, "usfl", {12, 14, -1}},       UsSection{14, "usmt", {12, 14, -1}},
    UsSection{15, "usor", {12, 14, -1}},       UsSection{16, "ustx", {12, 14, -1}},
    UsSection{17, "usde", {12, 14, -1}},       UsSection{18, "usia", {14, 16, -1}},
    UsSection{19, "usne", {12, 14, -1}},       UsSection{20, "usnh", {12, 14, -1}},
    UsSection{21, "usnj", {12, 14, -1}},       UsSection{22, "ustn", {12, 14, -1}},
    UsSection{23, "usmn", {12, 14, -1}},       UsSection{24, "usmd", {16, 18, -1}, true},
    UsSection{25, "usin", {16, 18, -1}, true}, UsSection{26, "usky", {16, 18, -1}, true},
    UsSection{27, "usri", {16, 18, -1}, true},
};

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (size_t begin = 0;;) {
        const size_t end = text.find(separator, begin);
        parts.push_back(text.substr(begin, end - begin));
        if (end == std::string_view::npos) return parts;
        begin = end + 1;
    }
}

// The ids of the sections, in their order.
std::vector<int> ReadHeader(std::string_view text) {
    BitReader bits(text);
    if (bits.Read(6) != kHeaderType) throw UnreadableBits{"it does not begin with a header"};
    if (const uint64_t version = bits.Read(6); version != kHeaderVersion)
        throw UnreadableBits{"its version is " + std::to_string(version)};
    std::vector<int> ids;
    const auto add = [&](uint64_t id) {
        if (ids.size() == kMostSections) throw UnreadableBits{"it has too many sections"};
        ids.push_back(static_cast<int>(id));
    };
    uint64_t last = 0;
    const uint64_t items = bits.Read(12);
    for (uint64_t i = 0; i < items; ++i) {
        const bool group = bits.ReadBit();
        const uint64_t first = last + bits.ReadFibonacci(kMostSections);
        last = group ? first + bits.ReadFibonacci(kMostSections) : first;
        for (uint64_t id = first; id <= last; ++id) add(id);
    }
    return ids;
}

void CheckVersion(uint64_t version) {
    if (version < 1 || version > kNewestVersion)
        throw UnreadableBits{"the version of a section is " + std::to_string(version)};
}

bool SaysGpc(std::string_view part) {
    BitReader bits(part);
    return bits.Read(2) == kGpcSubsection && bits.ReadBit();
}

bool IsOptedOut(const UsSection& section, std::string_view text) {
    const std::vector<std::string_view> parts = SplitAt(text, '.');
    size_t core = 0;
    BitReader first(parts[0]);
    if (section.has_header) {
        if (first.Read(6) != static_cast<uint64_t>(section.id))
            throw UnreadableBits{"a section is not the one that the header names"};
        core = 1;
    }
    CheckVersion(first.Read(6));
    if (parts.size() <= core) throw UnreadableBits{"it ends too early"};
    bool opted_out = false;
    for (const int place : section.opt_outs) {
        if (place < 0) continue;
        BitReader bits(parts[core]);
        bits.Skip(static_cast<uint64_t>(place));
        opted_out = bits.Read(2) == kOptedOut || opted_out;
    }
    for (size_t i = core + 1; i < parts.size(); ++i) opted_out = SaysGpc(parts[i]) || opted_out;
    return opted_out;
}

void ReadSection(int id, std::string_view text, GppSignals& signals) {
    if (id == kTcfEurope) {
        signals.tcf = std::string(text);
    } else if (id == kUsPrivacy) {
        const std::optional<bool> opted_out = ReadUsPrivacy(text);
        if (!opted_out) throw UnreadableBits{"its US privacy string is malformed"};
        if (*opted_out) signals.opted_out.emplace_back("uspv1");
    } else {
        const auto section = std::find_if(kUsSections.begin(), kUsSections.end(),
                                          [&](const UsSection& known) { return known.id == id; });
        if (section == kUsSections.end()) return;
        if (IsOptedOut(*section, text)) signals.opted_out.emplace_back(section->name);
    }
    signals.sections.push_back(id);
}

}  // namespace

std::optional<GppSignals> ReadGpp(std::string_view text, std::string& problem) {
    try {
        if (text.size() > kMaxConsentString) throw UnreadableBits{"it is too long"};
        const std::vector<std::string_view> sections = SplitAt(text, '~');
        const std::vector<int> ids = ReadHeader(sections[0]);
        if (ids.size() + 1 != sections.size())
            throw UnreadableBits{"its header does not name as many sections as it has"};
        GppSignals signals;
        for (size_t i = 0; i < ids.size(); ++i) {
            try {
                ReadSection(ids[i], sections[i + 1], signals);
            } catch (const UnreadableBits& unreadable) {
                problem = "section " + std::to_string(ids[i]) + ": " + unreadable.problem;
            }
        }
        return signals;
    } catch (const UnreadableBits& unreadable) {
        problem = unreadable.problem;
        return std::nullopt;
    }
}

std::optional<bool> ReadUsPrivacy(std::string_view text) {
    constexpr std::string_view kAnswers = "YN-yn";
    if (text.size() != 4 || text[0] != '1') return std::nullopt;
    for (const char c : text.substr(1))
        if (kAnswers.find(c) == std::string_view::npos) return std::nullopt;
    return text[2] == 'Y' || text[2] == 'y';
}

}  // namespace pulse::profile
