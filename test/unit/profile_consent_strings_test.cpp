// TC, GPP and US privacy strings.
#include <gtest/gtest.h>

#include <random>

#include "consent_strings.hpp"
#include "pulse/profile/consent_bits.hpp"
#include "pulse/profile/consent_gpp.hpp"
#include "pulse/profile/consent_tcf.hpp"

namespace pulse::profile {
namespace {

using testing::BitWriter;
using testing::GppHeader;
using testing::TcString;

constexpr int kVendor = 755;
constexpr int64_t kSince23 = 1'772'236'800;  // 2026-02-28

std::string ProblemOf(const std::string& text, int vendor = kVendor) {
    std::string problem;
    EXPECT_FALSE(ReadTcf(text, vendor, problem)) << text;
    EXPECT_FALSE(problem.empty());
    return problem;
}

TcfConsent Read(const TcString& string, int vendor = kVendor) {
    std::string problem;
    const std::optional<TcfConsent> consent = ReadTcf(string.Write(), vendor, problem);
    EXPECT_TRUE(consent) << problem;
    return consent.value_or(TcfConsent());
}

TEST(ConsentTcf, PurposesAndVendor) {
    for (const bool ranges : {false, true}) {
        TcString string;
        string.as_ranges = ranges;
        const TcfConsent consent = Read(string);
        for (int purpose = 1; purpose <= 24; ++purpose)
            EXPECT_EQ(consent.Allows(purpose), string.purposes.contains(purpose)) << purpose;
        EXPECT_EQ(consent.cmp, 31);
        EXPECT_EQ(consent.policy_version, 5);
        EXPECT_EQ(consent.last_updated, (1'750'000'000 - 946'684'800) * kSecond);
        EXPECT_FALSE(Read(string, 754).Allows(1));
        EXPECT_FALSE(Read(string, 756).Allows(1));
        EXPECT_TRUE(Read(string, 1).Allows(1));
    }
}

TEST(ConsentTcf, WithoutTheVendorNothingIsAllowed) {
    TcString string;
    string.vendors = {1, 2, 900};
    EXPECT_FALSE(Read(string).Allows(1));
    string.vendors = {};
    EXPECT_FALSE(Read(string).Allows(1));
}

TEST(ConsentTcf, PublishersRestrict) {
    TcString string;
    string.restrictions = {
        {2, 0, {{700, 760}}}, {3, 1, {{755, 755}}}, {7, 2, {{1, 754}, {755, 755}}}, {4, 0, {{1, 9}}}};
    const TcfConsent consent = Read(string);
    EXPECT_TRUE(consent.Allows(1));
    EXPECT_FALSE(consent.Allows(2)) << "not allowed";
    EXPECT_TRUE(consent.Allows(3)) << "consent required: there is";
    EXPECT_TRUE(consent.Allows(4)) << "others";
    EXPECT_FALSE(consent.Allows(7)) << "legitimate interest required";
}

TEST(ConsentTcf, Version23SaysWhichVendorsWereShown) {
    TcString string;
    string.updated = kSince23;
    EXPECT_EQ(ProblemOf(string.Write()), "it does not say which vendors were shown");
    string.disclosed = {{1, 755}};
    EXPECT_TRUE(Read(string).Allows(1));
    EXPECT_TRUE(Read(string).has_disclosed);
    string.disclosed = {{1, 754, 756}};
    EXPECT_FALSE(Read(string).Allows(1));
    string.updated = kSince23 - 1;
    EXPECT_FALSE(Read(string).Allows(1)) << "what is said counts before, too";
    string.disclosed = {};
    EXPECT_TRUE(Read(string).Allows(1));
}

TEST(ConsentTcf, Unreadable) {
    EXPECT_EQ(ProblemOf(""), "it ends too early");
    EXPECT_EQ(ProblemOf("!"), "it is not base64url");
    EXPECT_EQ(ProblemOf("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA"), "its version is 1");
    EXPECT_EQ(ProblemOf(std::string(kMaxConsentString + 1, 'A')), "it is too long");
    TcString string;
    string.for_one_service = false;
    EXPECT_EQ(ProblemOf(string.Write()), "it is not for one service");
    string.for_one_service = true;
    string.restrictions = {{2, 0, {{760, 700}}}};
    EXPECT_EQ(ProblemOf(string.Write()), "a range in it is backwards");
    string = TcString();
    string.as_ranges = true;
    const std::string good = string.Write();
    // Without its last character some of the rest may still be padding.
    for (size_t length = 0; length + 2 < good.size(); ++length) ProblemOf(good.substr(0, length));
    // Ranges without end.
    BitWriter huge;
    huge.Add(2, 6)
        .Add(0, 36)
        .Add(0, 36)
        .Add(0, 12 + 12 + 6 + 12 + 12 + 6)
        .Add(1, 1)
        .Add(0, 13 + 24)
        .Add(0, 24 + 13);
    huge.Add(0xffff, 16).Add(1, 1).Add(0xfff, 12);
    EXPECT_EQ(ProblemOf(huge.Base64Url()), "it ends too early");
}

TEST(ConsentTcf, RandomBytesNeverThrow) {
    std::mt19937 random(3);
    for (int i = 0; i < 20000; ++i) {
        std::string text = TcString().Write();
        for (int change = 0; change < 3; ++change)
            text[random() % text.size()] = static_cast<char>(random() % 256);
        std::string problem;
        ReadTcf(text, kVendor, problem);
        ReadGpp(text, problem);
    }
}

TEST(ConsentGpp, FibonacciCodes) {
    BitWriter bits;
    for (uint64_t i = 1; i <= 60; ++i) bits.Fibonacci(i);
    const std::string text = bits.Base64Url();
    BitReader reader(text);
    for (uint64_t i = 1; i <= 60; ++i) EXPECT_EQ(reader.ReadFibonacci(100), i);
    EXPECT_EQ(BitWriter().Fibonacci(2).Base64Url(), "Y");  // 011
}

GppSignals ReadSignals(const std::string& text) {
    std::string problem;
    const std::optional<GppSignals> signals = ReadGpp(text, problem);
    EXPECT_TRUE(signals && problem.empty()) << text << ": " << problem;
    return signals.value_or(GppSignals());
}

TEST(ConsentGpp, HeadersOfTheSpecification) {
    EXPECT_EQ(GppHeader({2}), "DBABM");
    EXPECT_EQ(GppHeader({2, 6}), "DBACNY");
    EXPECT_EQ(ReadSignals("DBACNY~CAAA~1YNN").sections, (std::vector<int>{2, 6}));
    EXPECT_EQ(ReadSignals("DBABjw~CAAA~1YYN").opted_out, (std::vector<std::string>{"uspv1"})) << "a group";
    EXPECT_EQ(ReadSignals("DBABM~CAAA.YAAA").tcf, "CAAA.YAAA");
}

// Each state's opt-outs, one after the other.
struct State {
    int id;
    const char* name;
    int notices;
    int opt_outs;
};

std::string Section(const State& state, int opted_out, int version = 1) {
    BitWriter bits, header;
    const bool parted = state.id >= 24;
    if (parted) {
        header.Add(static_cast<uint64_t>(state.id), 6).Add(static_cast<uint64_t>(version), 6).Add(0, 12);
        bits.Add(1, 6).Add(2, 2).Add(0, 2);
    } else {
        bits.Add(static_cast<uint64_t>(version), 6);
    }
    for (int i = 0; i < state.notices; ++i) bits.Add(1, 2);
    for (int i = 0; i < state.opt_outs; ++i) bits.Add(i == opted_out ? 1 : 2, 2);
    bits.Add(0, 24);
    return (parted ? header.Base64Url() + "." : "") + bits.Base64Url();
}

const std::vector<State> kStates = {
    {7, "usnat", 6, 3}, {8, "usca", 3, 2},  {9, "usva", 3, 2},  {10, "usco", 3, 2}, {11, "usut", 4, 2},
    {12, "usct", 3, 2}, {13, "usfl", 3, 2}, {14, "usmt", 3, 2}, {15, "usor", 3, 2}, {16, "ustx", 3, 2},
    {17, "usde", 3, 2}, {18, "usia", 4, 2}, {19, "usne", 3, 2}, {20, "usnh", 3, 2}, {21, "usnj", 3, 2},
    {22, "ustn", 3, 2}, {23, "usmn", 3, 2}, {24, "usmd", 3, 2}, {25, "usin", 3, 2}, {26, "usky", 3, 2},
    {27, "usri", 3, 2}};

TEST(ConsentGpp, OptOutsOfEachState) {
    for (const State& state : kStates) {
        const std::string header = GppHeader({state.id}) + "~";
        EXPECT_TRUE(ReadSignals(header + Section(state, -1)).opted_out.empty()) << state.name;
        for (int i = 0; i < state.opt_outs; ++i)
            EXPECT_EQ(ReadSignals(header + Section(state, i)).opted_out,
                      std::vector<std::string>{state.name});
        const std::string gpc = BitWriter().Add(1, 2).Add(1, 1).Base64Url(),
                          no_gpc = BitWriter().Add(1, 2).Add(0, 1).Base64Url();
        EXPECT_FALSE(ReadSignals(header + Section(state, -1) + "." + gpc).opted_out.empty()) << state.name;
        EXPECT_TRUE(ReadSignals(header + Section(state, -1) + "." + no_gpc).opted_out.empty()) << state.name;
    }
}

TEST(ConsentGpp, SeveralSections) {
    const std::string text =
        GppHeader({6, 7, 8}) + "~1YNN~" + Section(kStates[0], -1) + "~" + Section(kStates[1], 1);
    EXPECT_EQ(ReadSignals(text).opted_out, std::vector<std::string>{"usca"});
    EXPECT_TRUE(ReadSignals(GppHeader({5}) + "~anything").sections.empty()) << "passed over";
}

TEST(ConsentGpp, Unreadable) {
    const auto problem_of = [](const std::string& text) {
        std::string problem;
        EXPECT_FALSE(ReadGpp(text, problem)) << text;
        return problem;
    };
    EXPECT_EQ(problem_of(""), "it ends too early");
    EXPECT_EQ(problem_of("AAAA"), "it does not begin with a header");
    EXPECT_EQ(problem_of("DCABM~CAAA"), "its version is 2");
    EXPECT_EQ(problem_of("DBABM"), "its header does not name as many sections as it has");
    EXPECT_EQ(problem_of("DBABM~a~b"), "its header does not name as many sections as it has");
    EXPECT_EQ(
        problem_of(
            BitWriter().Add(3, 6).Add(1, 6).Add(1, 12).Add(1, 1).Fibonacci(1).Fibonacci(4000).Base64Url()),
        "a number in it is too large");
    BitWriter many;
    many.Add(3, 6).Add(1, 6).Add(4000, 12);
    for (int i = 0; i < 200; ++i) many.Add(1, 1).Fibonacci(1).Fibonacci(90);
    EXPECT_EQ(problem_of(many.Base64Url()), "it has too many sections");
    // A section that cannot be read takes nothing away from the others.
    std::string problem;
    const auto signals = ReadGpp(GppHeader({7, 8}) + "~!~" + Section(kStates[1], 0), problem);
    EXPECT_EQ(problem, "section 7: it is not base64url");
    EXPECT_EQ(signals.value().opted_out, std::vector<std::string>{"usca"});
    ReadGpp(GppHeader({7}) + "~" + Section(kStates[0], 0, 9), problem);
    EXPECT_EQ(problem, "section 7: the version of a section is 9");
}

TEST(ConsentGpp, UsPrivacy) {
    EXPECT_EQ(ReadUsPrivacy("1YNN"), false);
    EXPECT_EQ(ReadUsPrivacy("1YYN"), true);
    EXPECT_EQ(ReadUsPrivacy("1---"), false);
    EXPECT_EQ(ReadUsPrivacy("1nyn"), true);
    for (const char* bad : {"", "1", "2YNN", "1YNNN", "1YXN", "YYYY"})
        EXPECT_FALSE(ReadUsPrivacy(bad)) << bad;
}

}  // namespace
}  // namespace pulse::profile
