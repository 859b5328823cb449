#include "pulse/audit/chain.hpp"

#include <openssl/evp.h>

#include <new>
#include <utility>

namespace pulse::audit {

namespace {

// Instants count from 1970 in the hashed form, as they do everywhere else.
constexpr int64_t kEpochShift = 946'684'800LL * kSecond;
// How far links are looked for that were numbered anew.
constexpr int64_t kMostShift = 64;

// Fields one after the other, each with its length in front: no two lists of fields have the same text.
class Form {
  public:
    explicit Form(std::string_view version) { Add(version); }

    Form& Add(std::string_view field) {
        text_ += std::to_string(field.size());
        text_ += ':';
        text_ += field;
        return *this;
    }
    Form& Add(int64_t number) { return Add(std::string_view(std::to_string(number))); }
    // Infinity and the edges of the range stay as they are: they cannot be shifted.
    Form& AddTime(Moment at) {
        if (at > INT64_MAX - kEpochShift) return Add("infinity");
        if (at == INT64_MIN) return Add("-infinity");
        return Add(at + kEpochShift);
    }

    std::string Digest() const { return Sha256(text_); }

  private:
    std::string text_;
};

Finding Found(Break kind, int64_t seq, std::string detail) {
    return {kind, std::move(detail), seq};
}

// By how much the number of a link was changed, if nothing else of it was; 0: it cannot be explained so.
int64_t ShiftOf(const StoredLink& stored) {
    Link link = stored.link;
    for (int64_t shift = 1; shift <= kMostShift; ++shift)
        for (const int64_t sign : {shift, -shift}) {
            link.seq = stored.link.seq + sign;
            if (HashOf(link) == stored.hash) return sign;
        }
    return 0;
}

}  // namespace

// One context for all: finding the algorithm anew costs more than the digest of a row.
std::string Sha256(std::string_view bytes) {
    static EVP_MD_CTX* const context = EVP_MD_CTX_new();
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), nullptr) ||
        !EVP_DigestUpdate(context, bytes.data(), bytes.size()) ||
        !EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.data()), &size))
        throw std::bad_alloc();
    digest.resize(size);
    return digest;
}

std::string DigestText(std::string_view digest) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const char c : digest) {
        const auto byte = static_cast<unsigned char>(c);
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string ReadDigest(std::string_view text) {
    if (text.size() != 2 * kDigestSize) return "";
    std::string digest;
    int high = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        int digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;
        } else {
            return "";
        }
        if (i % 2 == 0)
            high = digit;
        else
            digest += static_cast<char>(high * 16 + digit);
    }
    return digest;
}

std::string DigestOf(const Content& content) {
    return Form("pulse audit content 1")
        .AddTime(content.at)
        .Add(content.actor)
        .Add(content.actor_kind)
        .Add(content.login)
        .Add(content.action)
        .Add(content.subject)
        .Add(Sha256(content.details))
        .Add(content.personal_digest)
        .Digest();
}

std::string PersonalDigest(std::string_view salt, int64_t person, std::string_view fields) {
    return Form("pulse audit personal 1").Add(salt).Add(person).Add(fields).Digest();
}

std::string HashOf(const Link& link) {
    return Form("pulse audit link 1")
        .Add(link.seq)
        .Add(link.audit_id)
        .AddTime(link.sealed_at)
        .Add(link.content)
        .Add(link.prev)
        .Digest();
}

const std::string& Genesis() {
    static const std::string genesis = Sha256("pulse audit genesis 1");
    return genesis;
}

const std::string& NoContent() {
    static const std::string none(kDigestSize, '\0');
    return none;
}

const char* Name(Break kind) {
    switch (kind) {
        case Break::kNone: return "none";
        case Break::kAltered: return "altered";
        case Break::kRemoved: return "removed";
        case Break::kInserted: return "inserted";
        case Break::kSwapped: return "swapped";
        case Break::kFork: return "fork";
    }
    return "none";
}

ChainChecker::ChainChecker(int64_t seq, std::string hash) : seq_(seq), hash_(std::move(hash)) {}

Finding ChainChecker::Check(const StoredLink& stored) {
    if (Finding place = CheckPlace(stored); place.kind != Break::kNone) return place;
    if (Finding content = CheckContent(stored); content.kind != Break::kNone) return content;
    before_ = std::exchange(hash_, stored.hash);
    seq_ = stored.link.seq;
    return {};
}

Finding ChainChecker::CheckPlace(const StoredLink& stored) const {
    const Link& link = stored.link;
    if (link.seq <= seq_)
        return Found(Break::kFork, link.seq, "Two links have the number " + std::to_string(link.seq) + ".");
    if (link.seq != seq_ + 1)
        return Found(Break::kRemoved, seq_ + 1,
                     link.seq == seq_ + 2 ? "The link " + std::to_string(seq_ + 1) + " is missing."
                                          : "The links " + std::to_string(seq_ + 1) + " to " +
                                                std::to_string(link.seq - 1) + " are missing.");
    const bool whole = HashOf(link) == stored.hash;
    if (whole && link.prev == hash_) return {};
    if (whole && !before_.empty() && link.prev == before_)
        return Found(Break::kFork, link.seq, "It follows the same link as the one before it does.");
    const int64_t shift = whole ? 0 : ShiftOf(stored);
    if (shift < 0)
        return Found(Break::kInserted, link.seq + shift,
                     "The links after it were numbered anew: it was put in.");
    if (shift > 0)
        return Found(Break::kRemoved, link.seq,
                     "The links from here on were numbered anew: one was removed.");
    return Found(
        Break::kAltered, link.seq,
        whole ? "It does not follow the link before it." : "Its link has another hash than its columns.");
}

Finding ChainChecker::CheckContent(const StoredLink& stored) {
    if (!stored.row) return Found(Break::kRemoved, stored.link.seq, "The row of pulse.audit is missing.");
    if (stored.content != stored.link.content)
        return Found(Break::kAltered, stored.link.seq, "The row of pulse.audit is not as it was sealed.");
    if (!stored.personal) return {};
    if (stored.personal_digest.empty())
        return Found(Break::kInserted, stored.link.seq, "A row of pulse.audit_personal was put in.");
    if (stored.personal_now != stored.personal_digest)
        return Found(Break::kAltered, stored.link.seq,
                     "The row of pulse.audit_personal is not as it was written.");
    return {};
}

}  // namespace pulse::audit
