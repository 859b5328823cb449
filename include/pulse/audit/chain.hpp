// The chain of the audit log: what is hashed, and in which form. Pure C++. The form is versioned: what is
// sealed stays verifiable, so a change of it is a new version beside the old one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::audit {

inline constexpr size_t kDigestSize = 32;

// SHA-256, as 32 bytes.
std::string Sha256(std::string_view bytes);
// Lower-case hexadecimal digits, and back; empty if it is not the text of a digest.
std::string DigestText(std::string_view digest);
std::string ReadDigest(std::string_view text);

// A row of pulse.audit. Its id is not a part of the content: what happened does not depend on it.
struct Content {
    Moment at = 0;
    std::string actor, actor_kind, login, action, subject;
    std::string details;          // as PostgreSQL writes a jsonb
    std::string personal_digest;  // empty: it has no personal part
};
std::string DigestOf(const Content& content);

// A row of pulse.audit_personal.
std::string PersonalDigest(std::string_view salt, int64_t person, std::string_view fields);

// A row of pulse.audit_seal without its hash.
struct Link {
    int64_t seq = 0;
    int64_t audit_id = 0;
    Moment sealed_at = 0;
    std::string content;  // a digest
    std::string prev;     // the hash of the link before
};
std::string HashOf(const Link& link);

// What the first link has in the place of a predecessor.
const std::string& Genesis();
// The digest of a row that was removed before it was sealed: of no content.
const std::string& NoContent();

// ---- what is wrong ----

enum class Break { kNone, kAltered, kRemoved, kInserted, kSwapped, kFork };
const char* Name(Break kind);

// A link as it is stored, and what stands behind it.
struct StoredLink {
    Link link;
    std::string hash;
    bool row = false;             // the row of pulse.audit exists
    std::string content;          // its digest as it is now
    std::string personal_digest;  // that it names; empty: none
    bool personal = false;        // its row of pulse.audit_personal exists
    std::string personal_now;     // the digest of that as it is now
};

struct Finding {
    Break kind = Break::kNone;
    std::string detail;
    int64_t seq =
        0;  // of the link that is wrong, which may be missing, or stand before the one that was checked
};

// Checks link after link, with the memory of two.
class ChainChecker {
  public:
    // After a cut: the last link that is gone.
    ChainChecker(int64_t seq, std::string hash);
    ChainChecker() : ChainChecker(0, Genesis()) {}

    Finding Check(const StoredLink& stored);

    int64_t seq() const { return seq_; }
    const std::string& hash() const { return hash_; }

  private:
    Finding CheckPlace(const StoredLink& stored) const;
    static Finding CheckContent(const StoredLink& stored);

    int64_t seq_;
    std::string hash_;    // of the link before
    std::string before_;  // of the one before that; empty if there is none
};

}  // namespace pulse::audit
