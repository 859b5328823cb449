// Sealing the audit log, its checkpoints, and what verifies it. For entry code of this room. All functions
// need an open pg::Session as pg::Identity::Owner(), unless they say otherwise.
#pragma once

#include <optional>
#include <vector>

#include "pulse/audit/chain.hpp"
#include "pulse/audit/listener.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audit {

// Lets Pulse's own statements change the audit log while it lives; the triggers refuse all others.
class Permission {
  public:
    Permission() { given_ = true; }
    ~Permission() { given_ = false; }
    Permission(const Permission&) = delete;
    Permission& operator=(const Permission&) = delete;
    static bool Given() { return given_; }

  private:
    static inline bool given_ = false;
};

// How often a checkpoint is written while there is something new.
inline constexpr int64_t kCheckpointEvery = kHour;

// ---- store_seal.cpp ----

// Makes the row that was just written wait for the job seal_audit, and wakes it.
void WakeSealing();

// One sealer at a time, until the transaction ends. False: another session seals. With `wait` it waits up to
// lock_timeout, and throws UserError 55000 in a transaction that does not see what was sealed meanwhile.
bool LockChain(bool wait);

struct Sealed {
    int64_t rows = 0;
    bool more = false;  // there may be more to seal
};
// Seals up to a batch. Needs the lock.
Sealed SealBatch();

struct Head {
    int64_t seq = 0;
    std::string hash;
};
// The last link; of a chain that retention has cut off as a whole, what it has kept of it.
std::optional<Head> ReadHead();

// When there is something to do; empty: nothing is unsealed, and the newest checkpoint is the head. Reads by
// index.
std::optional<Moment> NextSealing();

// ---- store_checkpoint.cpp ----

// Writes the head down if it is new; `due`: only if the last checkpoint is old enough. Needs the lock.
void WriteCheckpoint(bool due);
// The newest one.
std::optional<Checkpoint> ReadCheckpoint();
std::optional<Moment> NextCheckpoint();

// ---- store_link.cpp ----

// The columns of pulse.audit that are hashed, as `a`, in the order that ReadContent() expects.
#define PULSE_AUDIT_CONTENT \
    "a.at, a.actor, a.actor_kind, a.login::text, a.action, a.subject, a.details::text, a.personal_digest"
inline constexpr int kContentColumns = 8;
Content ReadContent(const pg::Row& row, int first);
// Of a column of type bytea; empty if it is null.
std::string ReadBytes(const pg::Row& row, int column);
pg::Value BytesValue(std::string_view bytes);

// ---- store_verify.cpp ----

struct Verdict {
    Finding finding;
    std::optional<int64_t> audit_id;
    int64_t verified = 0, unsealed = 0, erased = 0, checkpoints = 0;
    Head head;
};
// Verifies the chain from its beginning; compares it with checkpoints that were kept outside. All of it sees
// the snapshot of the calling statement. Throws UserError 55000 if the link of one was cut off.
Verdict Verify(const std::vector<Head>& outside);

// Of an argument, a checkpoint or an array of them, ascending: throws UserError 22023 if it is none.
std::vector<Head> ReadOutsideHeads(const pg::Json& json);

}  // namespace pulse::audit
