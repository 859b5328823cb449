// The form that is hashed, against digests that were computed independently, and what a checker says of
// links.
#include <gtest/gtest.h>

#include <set>

#include "pulse/audit/chain.hpp"

namespace pulse::audit {

namespace {

std::string Field(const std::string& text) {
    return std::to_string(text.size()) + ":" + text;
}

Content Example() {
    return {631'152'000 * kSecond + 123'456, "ann", "role", "login", "flag.deleted", "b\xC3\xA4ta", "{}", ""};
}

// A chain of rows, as stored.
std::vector<StoredLink> Chain(int length) {
    std::vector<StoredLink> links;
    std::string prev = Genesis();
    for (int i = 1; i <= length; ++i) {
        Content content = Example();
        content.subject = "row " + std::to_string(i);
        StoredLink stored;
        stored.link = {i, 100 + i, kSecond * i, DigestOf(content), prev};
        stored.hash = prev = HashOf(stored.link);
        stored.row = true;
        stored.content = stored.link.content;
        links.push_back(stored);
    }
    return links;
}

// The first finding, and the place of its link in the list.
std::pair<Break, size_t> FirstBreak(const std::vector<StoredLink>& links) {
    ChainChecker checker;
    for (size_t i = 0; i < links.size(); ++i)
        if (const Finding finding = checker.Check(links[i]); finding.kind != Break::kNone)
            return {finding.kind, i + 1};
    return {Break::kNone, 0};
}

using Found = std::pair<Break, size_t>;

TEST(AuditChain, HashesTheDocumentedForm) {
    EXPECT_EQ(DigestText(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const std::string form = Field("pulse audit content 1") + Field("1577836800123456") + Field("ann") +
                             Field("role") + Field("login") + Field("flag.deleted") + Field("b\xC3\xA4ta") +
                             Field(Sha256("{}")) + Field("");
    EXPECT_EQ(DigestOf(Example()), Sha256(form));
    const Link link{7, 42, 0, std::string(32, 'c'), std::string(32, 'p')};
    EXPECT_EQ(HashOf(link), Sha256(Field("pulse audit link 1") + Field("7") + Field("42") +
                                   Field("946684800000000") + Field(link.content) + Field(link.prev)));
    EXPECT_EQ(PersonalDigest("salt", 5, "{}"),
              Sha256(Field("pulse audit personal 1") + Field("salt") + Field("5") + Field("{}")));
}

// Text that moves from one field to the next is another row, also if the texts together are the same.
TEST(AuditChain, FieldsHaveTheirLength) {
    Content one = Example(), other = Example();
    one.actor = "ann1:x", one.actor_kind = "";
    other.actor = "ann", other.actor_kind = "1:x";
    EXPECT_NE(DigestOf(one), DigestOf(other));
    std::set<std::string> digests{DigestOf(Example())};
    const auto differs = [&](auto change) {
        Content content = Example();
        change(content);
        return digests.insert(DigestOf(content)).second;
    };
    EXPECT_TRUE(differs([](Content& c) { c.at += 1; }));  // a microsecond
    EXPECT_TRUE(differs([](Content& c) { c.at = INT64_MAX; }));
    EXPECT_TRUE(differs([](Content& c) { c.at = INT64_MIN; }));
    EXPECT_TRUE(differs([](Content& c) { c.actor += " "; }));
    EXPECT_TRUE(differs([](Content& c) { c.actor_kind = "key"; }));
    EXPECT_TRUE(differs([](Content& c) { c.login = "root"; }));
    EXPECT_TRUE(differs([](Content& c) { c.action = "flag.deletes"; }));
    EXPECT_TRUE(differs([](Content& c) { c.subject = "bata"; }));
    EXPECT_TRUE(differs([](Content& c) { c.details = "{\"a\": 1}"; }));
    EXPECT_TRUE(differs([](Content& c) { c.personal_digest = std::string(32, 'd'); }));
}

TEST(AuditChain, ReadsDigests) {
    const std::string digest = Sha256("x");
    EXPECT_EQ(ReadDigest(DigestText(digest)), digest);
    EXPECT_EQ(ReadDigest("AB" + std::string(62, '0')), "\xAB" + std::string(31, '\0'));
    EXPECT_EQ(ReadDigest(""), "");
    EXPECT_EQ(ReadDigest(std::string(63, '0')), "");
    EXPECT_EQ(ReadDigest(std::string(63, '0') + "g"), "");
}

TEST(AuditChain, AWholeChainIsIntact) {
    EXPECT_EQ(FirstBreak(Chain(5)), Found(Break::kNone, 0));
    // After a cut.
    const std::vector<StoredLink> links = Chain(5);
    ChainChecker checker(2, links[1].hash);
    for (size_t i = 2; i < 5; ++i) EXPECT_EQ(checker.Check(links[i]).kind, Break::kNone);
    EXPECT_EQ(checker.seq(), 5);
    EXPECT_EQ(checker.hash(), links[4].hash);
}

TEST(AuditChain, NamesTheFirstThatIsAltered) {
    for (size_t place = 0; place < 5; ++place) {
        std::vector<StoredLink> links = Chain(5);
        links[place].content[3] ^= 1;
        EXPECT_EQ(FirstBreak(links), Found(Break::kAltered, place + 1));
        links = Chain(5);
        links[place].hash[3] ^= 1;
        EXPECT_EQ(FirstBreak(links), Found(Break::kAltered, place + 1));
        links = Chain(5);
        links[place].link.prev[3] ^= 1;
        EXPECT_EQ(FirstBreak(links), Found(Break::kAltered, place + 1));
        links = Chain(5);
        links[place].link.audit_id += 1;
        EXPECT_EQ(FirstBreak(links), Found(Break::kAltered, place + 1));
        links = Chain(5);
        links[place].link.sealed_at += 1;
        EXPECT_EQ(FirstBreak(links), Found(Break::kAltered, place + 1));
    }
}

TEST(AuditChain, FindsRemovedRowsAndLinks) {
    std::vector<StoredLink> links = Chain(5);
    links[2].row = false;
    EXPECT_EQ(FirstBreak(links), Found(Break::kRemoved, 3));
    links = Chain(5);
    links.erase(links.begin() + 2);
    EXPECT_EQ(FirstBreak(links), Found(Break::kRemoved, 3));
    // The numbers were closed up.
    for (size_t i = 2; i < 4; ++i) links[i].link.seq = static_cast<int64_t>(i) + 1;
    EXPECT_EQ(FirstBreak(links), Found(Break::kRemoved, 3));
    // The beginning.
    links = Chain(5);
    links.erase(links.begin());
    EXPECT_EQ(FirstBreak(links), Found(Break::kRemoved, 1));
}

// Whoever puts a link in, with a hash that is right, must number the others anew.
TEST(AuditChain, FindsLinksThatWerePutIn) {
    std::vector<StoredLink> links = Chain(5);
    StoredLink forged = links[2];
    forged.link.content = forged.content = Sha256("forged");
    forged.link.audit_id = 999;
    forged.hash = HashOf(forged.link);
    links.insert(links.begin() + 2, forged);
    EXPECT_EQ(FirstBreak(links), Found(Break::kFork, 4));
    for (size_t i = 3; i < links.size(); ++i) links[i].link.seq = static_cast<int64_t>(i) + 1;
    EXPECT_EQ(FirstBreak(links), Found(Break::kInserted, 4));
}

TEST(AuditChain, FindsForks) {
    std::vector<StoredLink> links = Chain(5);
    links[3].link.prev = links[2].link.prev;
    links[3].hash = HashOf(links[3].link);
    EXPECT_EQ(FirstBreak(links), Found(Break::kFork, 4));
}

TEST(AuditChain, ChecksWhatIsPersonal) {
    std::vector<StoredLink> links = Chain(3);
    links[1].personal_digest = links[1].personal_now = PersonalDigest("salt", 1, "{}");
    links[1].personal = true;
    EXPECT_EQ(FirstBreak(links), Found(Break::kNone, 0));
    links[1].personal = false;  // erased
    links[1].personal_now = "";
    EXPECT_EQ(FirstBreak(links), Found(Break::kNone, 0));
    links[1].personal = true;
    links[1].personal_now = PersonalDigest("salt", 2, "{}");
    EXPECT_EQ(FirstBreak(links), Found(Break::kAltered, 2));
    links[1].personal_digest = "";
    EXPECT_EQ(FirstBreak(links), Found(Break::kInserted, 2));
}

}  // namespace

}  // namespace pulse::audit
