#include <algorithm>

#include <gtest/gtest.h>

#include "pulse/audience/normal_text.hpp"
#include "pulse/audience/prepared_person.hpp"

namespace pulse::audience {
namespace {

using K = IdentifierKind;
using P = Platform;

IdentifierRules RulesOf(Platform platform) {
    IdentifierRules rules;
    rules.platform = platform;
    if (platform == P::kGoogle) rules.gmail = GmailRule::kDotsAndTag;
    return rules;
}

std::string Plain(Platform platform, K kind, const char* value, const char* country = "",
                  const char* code = "") {
    IdentifierRules rules = RulesOf(platform);
    rules.calling_code = code;
    const Normalised normal = NormaliseText(rules, kind, value, country);
    return normal.ok() ? normal.value : std::string("! ") + normal.problem;
}

std::string Sent(Platform platform, K kind, const char* value, const char* code = "") {
    IdentifierRules rules = RulesOf(platform);
    rules.calling_code = code;
    const Normalised normal = Normalise(rules, kind, value);
    return normal.ok() ? normal.value : std::string("! ") + normal.problem;
}

// The vectors that the platforms and their helpers publish.
TEST(AudienceIdentifier, PublishedVectors) {
    EXPECT_EQ(Sent(P::kMeta, K::kEmail, "mary@example.com"),
              "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79");
    EXPECT_EQ(Sent(P::kMeta, K::kEmail, " Mary@Example.COM\n"),
              "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79");
    for (const char* phone :
         {"15559876543", "+1 (555) 987-6543", "(555) 987-6543", "001 555 9876543", "1-555-987-6543"})
        EXPECT_EQ(Sent(P::kMeta, K::kPhone, phone, "1"),
                  "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e")
            << phone;
    EXPECT_EQ(Sent(P::kGoogle, K::kEmail, "  ALEXZ@example.com   "),
              "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a");
    EXPECT_EQ(Sent(P::kGoogle, K::kPhone, "1-800-555-0100   ", "1"),
              "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30");
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "(800) 555-0100", "", "1"), "+18005550100");
    EXPECT_EQ(Sent(P::kGoogle, K::kFirstName, "  GivenName  "),
              "128a07bfe2df877c52076e60d7774cf5baaa046c5a6c48daf30ff43ecca2f814");
    EXPECT_EQ(Sent(P::kGoogle, K::kCountry, " us"), "US");
    EXPECT_EQ(Sent(P::kGoogle, K::kPostalCode, " 1229-076  "), "1229-076");
    EXPECT_EQ(Sent(P::kTiktok, K::kEmail, "janedoe@gmail.com"),
              "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69");
    EXPECT_EQ(Sent(P::kTiktok, K::kAaid, "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"),
              "83dc3f5f32b9472613b0f038d36f22585a609d018af6f6067f50da318bf354bd");
    EXPECT_EQ(Sent(P::kSnapchat, K::kEmail, "Person@email.com "),
              "b375b7bbddb3de3298fbc7641063d9f03a38e118aa4480c8ab9f58740982e8bd");
    for (const char* phone : {"+1(706)-767-5127", "001(706)-767-5127", "01(706)-767-5127"})
        EXPECT_EQ(Sent(P::kSnapchat, K::kPhone, phone, "1"),
                  "2fd199db6d3fa9fe754886ff1822f2867fcb104a6639495eca25c2978efe4ed4")
            << phone;
    EXPECT_EQ(Sent(P::kSnapchat, K::kIdfa, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"),
              "30a5154b77ab8b2ddbe19f5e7af72f33cc2a4a41f22940d965102650a1c72863");
}

// With the + and without it: the sources differ, so it is an option.
TEST(AudienceIdentifier, PlusOfTiktok) {
    IdentifierRules rules = RulesOf(P::kTiktok);
    EXPECT_EQ(Normalise(rules, K::kPhone, "+37493828222").value.substr(0, 8), "241371e6");
    rules.phone_plus = false;
    const std::string hash = Normalise(rules, K::kPhone, "+37493828222").value;
    EXPECT_EQ(hash.substr(0, 8), "65b7e6dc");
    EXPECT_EQ(hash.substr(56), "66a422d4");
}

TEST(AudienceIdentifier, Email) {
    for (const P platform : kPlatforms) {
        for (const char* bad :
             {"quinn", "@example.com", "ann@", "a@b@example.com", "ann@example", "ann@.com", "ann@example.",
              "ann@ex..com", "ann@-a.com", "<ann@example.com>", "ann@exa_mple.com", "@", "a,b@example.com"})
            EXPECT_EQ(Plain(platform, K::kEmail, bad), "! not an e-mail address")
                << Name(platform) << " " << bad;
        EXPECT_EQ(Plain(platform, K::kEmail, " \t "), "! empty");
        EXPECT_EQ(Plain(platform, K::kEmail, ""), "! empty");
        EXPECT_EQ(Plain(platform, K::kEmail, "a\xFF@example.com"), "! not valid UTF-8");
        EXPECT_EQ(Plain(platform, K::kEmail, "Jürgen.MÜLLER+x@Straße.example.COM"),
                  "jürgen.müller+x@straße.example.com");
        // A zero-width space from a web page.
        EXPECT_EQ(Plain(platform, K::kEmail, "\u200bann@example.com\u00a0"), "ann@example.com");
    }
    for (const char* bad : {" ...@gmail.com", " @googlemail.com", "+tag@gmail.com"})
        EXPECT_EQ(Plain(P::kGoogle, K::kEmail, bad), "! not an e-mail address") << bad;
    EXPECT_EQ(Plain(P::kMeta, K::kEmail, "ann smith@example.com"), "! not an e-mail address");
    EXPECT_EQ(Plain(P::kSnapchat, K::kEmail, "ann smith@example.com"), "! not an e-mail address");
    EXPECT_EQ(Plain(P::kGoogle, K::kEmail, "ann smith@example.com"), "annsmith@example.com");
    EXPECT_EQ(Plain(P::kTiktok, K::kEmail, "ann smith@example.com"), "annsmith@example.com");
}

TEST(AudienceIdentifier, GmailRule) {
    EXPECT_EQ(Plain(P::kGoogle, K::kEmail, "J.a.n.e+news@Gmail.com"), "jane@gmail.com");
    EXPECT_EQ(Plain(P::kGoogle, K::kEmail, "j.ane+news@googlemail.com"), "jane@googlemail.com");
    EXPECT_EQ(Plain(P::kGoogle, K::kEmail, "j.ane+news@example.com"), "j.ane+news@example.com");
    IdentifierRules rules = RulesOf(P::kGoogle);
    rules.gmail = GmailRule::kDots;
    EXPECT_EQ(NormaliseText(rules, K::kEmail, "j.ane+n.ews@gmail.com").value, "jane+news@gmail.com");
    for (const P other : {P::kMeta, P::kTiktok, P::kSnapchat})
        EXPECT_EQ(Plain(other, K::kEmail, "j.ane+news@gmail.com"), "j.ane+news@gmail.com");
    rules = RulesOf(P::kTiktok);
    rules.keep_tag = false;
    EXPECT_EQ(NormaliseText(rules, K::kEmail, "j.ane+news@example.com").value, "j.ane@example.com");
}

TEST(AudienceIdentifier, Phone) {
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "+49 (0) 151 / 1234-5678"), "4915112345678");
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "0049 151 12345678"), "+4915112345678");
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "+0049 151 12345678"), "+4915112345678");
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "0151 12345678", "", "49"), "+4915112345678");
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "49 151 12345678", "", "49"), "+4915112345678");
    // An area code that is the code of the country, too.
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "0491 1234567", "", "49"), "+494911234567");
    // Italy: mobile numbers may begin with 39, and others keep their 0.
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "391 2345678", "", "39"), "+393912345678");
    EXPECT_EQ(Plain(P::kGoogle, K::kPhone, "06 12345678", "", "39"), "+390612345678");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "tel:+1-555-987-6543 ext. 12", ""), "15559876543");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "+15559876543;ext=12"), "15559876543");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "0151 12345678"), "! no country code");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "13812345678"), "! no country code");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "+"), "! no digits");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "none"), "! no digits");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "+000"), "! no country code");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "+12345"), "! not a phone number");
    EXPECT_EQ(Plain(P::kMeta, K::kPhone, "+1234567890123456"), "! not a phone number");
    for (const P platform : {P::kGoogle, P::kTiktok, P::kWebhook, P::kFile})
        EXPECT_EQ(Plain(platform, K::kPhone, "+15559876543"), "+15559876543");
    for (const P platform : {P::kMeta, P::kSnapchat})
        EXPECT_EQ(Plain(platform, K::kPhone, "+15559876543"), "15559876543");
}

TEST(AudienceIdentifier, MobileIds) {
    const char* upper = " F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6 ";
    EXPECT_EQ(Sent(P::kMeta, K::kIdfa, upper), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    EXPECT_EQ(Sent(P::kGoogle, K::kIdfa, upper), "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6");
    EXPECT_EQ(Sent(P::kTiktok, K::kIdfa, upper), Sha256Hex("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    for (const char* bad : {"f81d4fae7dec11d0a76500a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
                            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6-1", "x"})
        EXPECT_EQ(Plain(P::kMeta, K::kAaid, bad), "! not a mobile advertising id") << bad;
    EXPECT_EQ(Plain(P::kMeta, K::kAaid, "00000000-0000-0000-0000-000000000000"),
              "! an advertising id of zeros: the person has forbidden tracking");
}

TEST(AudienceIdentifier, NamesAndPlaces) {
    EXPECT_EQ(Plain(P::kMeta, K::kFirstName, " Mary-Ann "), "maryann");
    EXPECT_EQ(Plain(P::kMeta, K::kLastName, "O'Brien  Smith 2"), "obrien smith");
    EXPECT_EQ(Plain(P::kMeta, K::kFirstName, "Valéry"), "valéry");
    EXPECT_EQ(Plain(P::kMeta, K::kLastName, "ΠΑΠΑΣ"), "παπασ");
    EXPECT_EQ(Plain(P::kMeta, K::kFirstName, "정"), "정");
    EXPECT_EQ(Plain(P::kMeta, K::kFirstName, "12 – …"), "! no letters");
    EXPECT_EQ(Plain(P::kMeta, K::kFirstInitial, " Élise"), "é");
    EXPECT_EQ(Plain(P::kGoogle, K::kFirstName, "Dr. Ann"), "ann");
    EXPECT_EQ(Plain(P::kGoogle, K::kLastName, "King, Jr."), "king");
    EXPECT_EQ(Plain(P::kGoogle, K::kLastName, "Sir"), "sir");
    EXPECT_EQ(Plain(P::kMeta, K::kLastName, "King, Jr."), "king jr");
    EXPECT_EQ(Plain(P::kMeta, K::kCity, "New York!"), "newyork");
    EXPECT_EQ(Plain(P::kMeta, K::kCity, "São Paulo"), "sãopaulo");
    EXPECT_EQ(Plain(P::kMeta, K::kState, "California", "us"), "ca");
    EXPECT_EQ(Plain(P::kMeta, K::kState, "N.Y.", "us"), "ny");
    EXPECT_EQ(Plain(P::kMeta, K::kState, "Bavaria", "us"), "! not a state of the United States");
    EXPECT_EQ(Plain(P::kMeta, K::kState, "Nordrhein-Westfalen", "de"), "nordrheinwestfalen");
    EXPECT_EQ(Plain(P::kMeta, K::kPostalCode, "94035-1234", "us"), "94035");
    EXPECT_EQ(Plain(P::kMeta, K::kPostalCode, "9403", "us"), "! not a postal code of five digits");
    EXPECT_EQ(Plain(P::kMeta, K::kPostalCode, "SW1A 1AA", "gb"), "sw1a1");
    EXPECT_EQ(Plain(P::kMeta, K::kPostalCode, "M1 1AE", "gb"), "m11");
    EXPECT_EQ(Plain(P::kMeta, K::kPostalCode, "1012 AB", "nl"), "1012ab");
    EXPECT_EQ(Plain(P::kMeta, K::kCountry, " De "), "de");
    EXPECT_EQ(Plain(P::kMeta, K::kCountry, "UK"), "gb");
    EXPECT_EQ(Plain(P::kMeta, K::kCountry, "Germany"), "! not a country of two letters");
    EXPECT_EQ(Plain(P::kMeta, K::kGender, " Female"), "f");
    EXPECT_EQ(Plain(P::kMeta, K::kGender, "M"), "m");
    EXPECT_EQ(Plain(P::kMeta, K::kGender, "other"), "! neither female nor male");
    EXPECT_EQ(Plain(P::kMeta, K::kBirthMonth, "7"), "07");
    EXPECT_EQ(Plain(P::kMeta, K::kBirthMonth, "13"), "! not a part of a date");
    EXPECT_EQ(Plain(P::kMeta, K::kBirthYear, "1815"), "! not a part of a date");
}

// What is left of the rules: each as it is sent, hashed or plain.
TEST(AudienceIdentifier, RuleByRule) {
    const struct {
        P platform;
        K kind;
        const char *value, *normal;
        bool hashed;
    } rules[] = {{P::kMeta, K::kExternalId, " Käthe-7 ", "Käthe-7", false},
                 {P::kMeta, K::kGender, "f", "f", true},
                 {P::kMeta, K::kGender, "male", "m", true},
                 {P::kMeta, K::kBirthYear, "1980", "1980", true},
                 {P::kMeta, K::kBirthMonth, "12", "12", true},
                 {P::kMeta, K::kBirthDay, "5", "05", true},
                 {P::kMeta, K::kLastName, "MÜLLER", "müller", true},
                 {P::kMeta, K::kFirstName, "Anna", "anna", true},
                 {P::kMeta, K::kFirstInitial, "anna", "a", true},
                 {P::kMeta, K::kCity, "St. Louis", "stlouis", true},
                 {P::kMeta, K::kPostalCode, " 75 008 ", "75008", true},
                 {P::kMeta, K::kCountry, "FR", "fr", true},
                 {P::kMeta, K::kPhone, "+1 (555) 987-6543", "15559876543", true},
                 {P::kMeta, K::kAaid, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
                  "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", false},
                 {P::kGoogle, K::kExternalId, " Käthe-7 ", "Käthe-7", false},
                 {P::kGoogle, K::kEmail, "Quinn.Q+x@Example.com", "quinn.q+x@example.com", true},
                 {P::kGoogle, K::kPhone, "+1 800 555 0100", "+18005550100", true},
                 {P::kGoogle, K::kFirstName, "Prof. Anna", "anna", true},
                 {P::kGoogle, K::kLastName, "O'Brien", "obrien", true},
                 {P::kGoogle, K::kPostalCode, " SW1A 1AA ", "SW1A 1AA", false},
                 {P::kGoogle, K::kCountry, "de", "DE", false},
                 {P::kTiktok, K::kEmail, " Jane Doe+x@Gmail.com", "janedoe+x@gmail.com", true},
                 {P::kTiktok, K::kPhone, "0049 151 12345678", "+4915112345678", true},
                 {P::kTiktok, K::kIdfa, " F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6 ",
                  "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true},
                 {P::kSnapchat, K::kEmail, " Person+X@Email.com ", "person+x@email.com", true},
                 {P::kSnapchat, K::kPhone, "+001 706 767 5127", "17067675127", true},
                 {P::kSnapchat, K::kAaid, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
                  "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true}};
    for (const auto& rule : rules) {
        const std::string what = std::string(Name(rule.platform)) + " " + Name(rule.kind) + " " + rule.value;
        EXPECT_EQ(Plain(rule.platform, rule.kind, rule.value), rule.normal) << what;
        EXPECT_EQ(Sent(rule.platform, rule.kind, rule.value),
                  rule.hashed ? Sha256Hex(rule.normal) : rule.normal)
            << what;
    }
    // Lower-case hexadecimal of the bytes of UTF-8.
    EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(AudienceIdentifier, WhatIsHashed) {
    const auto hashed = [](Platform platform, K kind) { return IsHashed(RulesOf(platform), kind); };
    for (const P platform : kPlatforms) {
        EXPECT_TRUE(hashed(platform, K::kEmail));
        EXPECT_TRUE(hashed(platform, K::kPhone));
        EXPECT_FALSE(hashed(platform, K::kExternalId));
    }
    for (const P platform : {P::kMeta, P::kGoogle, P::kWebhook, P::kFile})
        EXPECT_FALSE(hashed(platform, K::kAaid));
    for (const P platform : {P::kTiktok, P::kSnapchat}) EXPECT_TRUE(hashed(platform, K::kAaid));
    EXPECT_TRUE(hashed(P::kMeta, K::kCountry));
    EXPECT_FALSE(hashed(P::kGoogle, K::kCountry));
    EXPECT_FALSE(hashed(P::kGoogle, K::kPostalCode));
    EXPECT_TRUE(hashed(P::kGoogle, K::kLastName));
}

// A hash is recognised before anything is removed from it, also when it has no digit.
TEST(AudienceIdentifier, HashesThatAreGiven) {
    const std::string letters(64, 'a'), upper(64, 'F');
    for (const K kind : {K::kEmail, K::kPhone, K::kFirstName}) {
        IdentifierRules rules = RulesOf(P::kMeta);
        EXPECT_STREQ(Normalise(rules, kind, letters).problem, "it is a hash already");
        rules.takes_hashes = true;
        EXPECT_EQ(Normalise(rules, kind, " " + letters + " ").value, letters);
        EXPECT_EQ(Normalise(rules, kind, upper).value, std::string(64, 'f'));
    }
    IdentifierRules google = RulesOf(P::kGoogle);
    google.takes_hashes = true;
    EXPECT_STREQ(Normalise(google, K::kPostalCode, letters).problem,
                 "a hash, which the platform wants plain");
    EXPECT_EQ(Normalise(google, K::kExternalId, letters).value, letters);
    IdentifierRules plain = RulesOf(P::kFile);
    plain.hash = false;
    EXPECT_EQ(Normalise(plain, K::kEmail, "Ann@Example.com").value, "ann@example.com");
    EXPECT_EQ(Normalise(plain, K::kEmail, letters).value, letters);
}

TEST(AudienceIdentifier, NeverTheHashOfNothing) {
    const std::string nothing = Sha256Hex("");
    for (const P platform : kPlatforms)
        for (const K kind : KindsOf(platform))
            for (const char* value : {"", " ", "\u00a0", "+", "-", "...", "@", "\t\n", "()", "''"}) {
                const Normalised normal = Normalise(RulesOf(platform), kind, value);
                EXPECT_NE(normal.value, nothing);
                EXPECT_EQ(normal.value.empty(), !normal.ok());
            }
    EXPECT_FALSE(Normalise(RulesOf(P::kMeta), K::kEmail, std::string(1001, 'a') + "@example.com").ok());
}

TEST(AudienceIdentifier, Names) {
    for (int number = 1; number <= 18; ++number) {
        const auto kind = static_cast<K>(number);
        EXPECT_EQ(FindIdentifierKind(Name(kind)), kind) << number;
    }
    EXPECT_FALSE(FindIdentifierKind(""));
    EXPECT_FALSE(FindIdentifierKind("e-mail"));
}

// ---- people ----

Preparation PrepareAll(Platform platform, const PersonValues& values) {
    return Prepare(RulesOf(platform), KindsOf(platform), values);
}

TEST(AudiencePerson, CellsAreSortedAndUnique) {
    const Preparation prepared = PrepareAll(P::kMeta, {{K::kPhone, "+15559876543"},
                                                       {K::kEmail, "b@example.com"},
                                                       {K::kEmail, "A@example.com"},
                                                       {K::kEmail, "a@example.com "}});
    ASSERT_EQ(prepared.person.cells.size(), 3u);
    EXPECT_TRUE(std::is_sorted(prepared.person.cells.begin(), prepared.person.cells.end()));
    EXPECT_TRUE(prepared.dropped.empty());
}

TEST(AudiencePerson, InvalidValuesAreReported) {
    const Preparation prepared =
        PrepareAll(P::kTiktok, {{K::kEmail, "none"}, {K::kPhone, "0151"}, {K::kCity, "Rome"}});
    EXPECT_TRUE(prepared.person.empty());
    ASSERT_EQ(prepared.dropped.size(), 2u);
    EXPECT_EQ(prepared.dropped[0].kind, K::kEmail);
    EXPECT_STREQ(prepared.dropped[1].reason, "no country code");
}

TEST(AudiencePerson, DateOfBirthHasThreeCells) {
    const Preparation prepared =
        PrepareAll(P::kMeta, {{K::kBirthDate, "1980-07-05"}, {K::kFirstName, "Ann"}, {K::kLastName, "Lee"}});
    ASSERT_EQ(prepared.person.cells.size(), 6u);  // with the initial
    EXPECT_EQ(prepared.person.cells[3], (Cell{K::kBirthYear, Sha256Hex("1980")}));
    EXPECT_EQ(prepared.person.cells[4], (Cell{K::kBirthMonth, Sha256Hex("07")}));
    EXPECT_EQ(prepared.person.cells[5], (Cell{K::kBirthDay, Sha256Hex("05")}));
    for (const char* bad : {"05.07.1980", "1815-12-10", "2200-01-01", "x"})
        EXPECT_EQ(PrepareAll(P::kMeta, {{K::kBirthDate, bad}}).dropped.size(), 1u) << bad;
}

TEST(AudiencePerson, ANameAloneFindsNobody) {
    EXPECT_TRUE(PrepareAll(P::kMeta, {{K::kFirstName, "Ann"}, {K::kLastName, "Lee"}, {K::kCountry, "us"}})
                    .person.empty());
    EXPECT_FALSE(PrepareAll(P::kMeta, {{K::kFirstName, "Ann"}, {K::kLastName, "Lee"}, {K::kCity, "Rome"}})
                     .person.empty());
}

TEST(AudiencePerson, GoogleWantsWholeAddresses) {
    const PersonValues whole = {
        {K::kFirstName, "Ann"}, {K::kLastName, "Lee"}, {K::kPostalCode, "94045"}, {K::kCountry, "us"}};
    EXPECT_EQ(PrepareAll(P::kGoogle, whole).person.cells.size(), 4u);
    const Preparation part =
        PrepareAll(P::kGoogle, {{K::kFirstName, "Ann"}, {K::kLastName, "Lee"}, {K::kEmail, "a@example.com"}});
    ASSERT_EQ(part.person.cells.size(), 1u);
    EXPECT_EQ(part.person.cells[0].kind, K::kEmail);
    EXPECT_EQ(part.dropped.size(), 2u);
}

TEST(AudiencePerson, UnknownDevicesOfTiktok) {
    IdentifierRules rules = RulesOf(P::kTiktok);
    const PersonValues values = {{K::kMobileAdId, "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"}};
    EXPECT_EQ(Prepare(rules, {K::kMobileAdId}, values).person.cells[0].kind, K::kAaid);
    rules.unknown_mobile = K::kIdfa;
    EXPECT_EQ(Prepare(rules, {K::kMobileAdId}, values).person.cells[0].kind, K::kIdfa);
}

TEST(AudiencePerson, Packing) {
    const PersonValues values = {{K::kEmail, "ann@example.com"},
                                 {K::kPhone, "+15559876543"},
                                 {K::kIdfa, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"},
                                 {K::kExternalId, "käthe-7"},
                                 {K::kFirstName, "Ann"},
                                 {K::kLastName, "Lee"},
                                 {K::kPostalCode, "94045"},
                                 {K::kCountry, "us"}};
    for (const P platform : kPlatforms) {
        const PreparedPerson person = PrepareAll(platform, values).person;
        const std::string bytes = Pack(person);
        EXPECT_EQ(Unpack(bytes), person) << Name(platform);
        for (size_t length = 0; length < bytes.size(); ++length) {
            const auto part = Unpack(std::string_view(bytes).substr(0, length));
            EXPECT_TRUE(!part || !(*part == person));
        }
    }
    EXPECT_EQ(Pack({{{K::kEmail, Sha256Hex("a")}}}).size(), 34u);
    EXPECT_EQ(Pack({{{K::kEmail, Sha256Hex("a")}, {K::kPhone, Sha256Hex("b")}}}).size(), 67u);
    EXPECT_EQ(Unpack(Pack({})), PreparedPerson());
}

TEST(AudiencePerson, DamagedBytes) {
    EXPECT_FALSE(Unpack(""));
    EXPECT_FALSE(Unpack(std::string("\2", 1)));
    const std::string bytes = Pack({{{K::kEmail, Sha256Hex("a")}}});
    EXPECT_FALSE(Unpack(bytes + bytes.substr(1)));                          // the same cell twice
    EXPECT_FALSE(Unpack(std::string("\1\0", 2) + std::string(32, 'x')));    // no kind 0
    EXPECT_FALSE(Unpack(std::string("\1\xE1", 2) + std::string(32, 'x')));  // no encoding 7
    EXPECT_FALSE(Unpack(std::string("\1\x66\1\0x", 5)));
}

TEST(AudiencePerson, WhatLeaves) {
    const Cell old_mail{K::kEmail, Sha256Hex("old")}, new_mail{K::kEmail, Sha256Hex("new")},
        phone{K::kPhone, Sha256Hex("phone")}, ann{K::kFirstName, "a"}, lee{K::kLastName, "l"},
        liu{K::kLastName, "m"}, code{K::kPostalCode, "1"}, us{K::kCountry, "US"};
    for (const P platform : kPlatforms) {
        EXPECT_EQ(Leaving(platform, {{old_mail, phone}}, {{new_mail, phone}}).cells,
                  std::vector<Cell>{old_mail})
            << Name(platform);
        EXPECT_TRUE(Leaving(platform, {{old_mail}}, {{old_mail, phone}}).empty());
        EXPECT_EQ(Leaving(platform, {{old_mail, phone}}, {}).cells, (std::vector<Cell>{old_mail, phone}));
    }
    // An address is an identifier by itself only at Google.
    const PreparedPerson before{{phone, ann, lee, code, us}}, after{{phone, ann, liu, code, us}};
    EXPECT_EQ(Leaving(P::kGoogle, before, after).cells, (std::vector<Cell>{ann, lee, code, us}));
    EXPECT_TRUE(Leaving(P::kMeta, before, after).empty());
    EXPECT_EQ(Leaving(P::kMeta, before, {}).cells, before.cells);
    EXPECT_EQ(Leaving(P::kMeta, {{ann, lee, code}}, {{ann, liu, code}}).cells,
              (std::vector<Cell>{ann, lee, code}));
}

}  // namespace
}  // namespace pulse::audience
