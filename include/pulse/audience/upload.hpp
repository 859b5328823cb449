// Uploads: people become rows, rows become batches, and batches of Meta belong to sessions. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pulse/audience/destination.hpp"
#include "pulse/audience/prepared_person.hpp"

namespace pulse::audience {

enum class Operation : uint8_t { kAdd, kRemove };

// What an upload to Google says about the consent of its people; never mixed in a request. Who denied one of
// both purposes is not sent at all. Removals need none.
enum class ConsentState : uint8_t {
    kUnstated,  // no record; sent because the destination says so
    kAds,       // granted to ads; nothing recorded about personalisation
    kGranted,   // granted to both
};

struct Member {
    PreparedPerson person;
    ConsentState consent = ConsentState::kGranted;
};

// One row, or one member of Google's audienceMembers.
struct Row {
    size_t member = 0;        // the index of its member
    std::vector<Cell> cells;  // sorted
};

// The kinds of identifiers that one request may have together.
enum class Section : uint8_t { kAll, kEmail, kPhone, kMobile, kUser, kExternal };

struct Batch {
    Operation operation = Operation::kAdd;
    Section section = Section::kAll;
    ConsentState consent = ConsentState::kUnstated;
    std::vector<Row> rows;
    std::vector<size_t> members;  // whose rows it has, ascending; also of rows that were there already
};

// Divides people into requests: by kind of identifier and consent where the platform wants that, and by its
// limits of rows and bytes. A person may be in several batches; who has been sent is who was in all of them
// with success.
std::vector<Batch> MakeBatches(const Destination& destination, Operation operation,
                               std::span<const Member> members);

// ---- Meta's sessions ----

// A session as the ledger keeps it; write it before the request is sent. It has one operation, or is of one
// replacement.
struct UploadSession {
    int64_t id = 0;           // made by us, unique in the ad account
    int64_t batches = 0;      // that were sent, whatever became of them
    Moment started_at = 0;    // when the first was sent
    bool first_done = false;  // the first batch was answered with success
    bool closed = false;      // the last batch was answered with success
};

// The place of a request in its session.
struct SessionPlace {
    int64_t id = 0;
    int64_t batch = 1;
    bool last = false;
    int64_t estimated_total = 0;  // 0: unknown
};

// A session ends by itself 90 minutes after its first batch; this is safely before.
inline constexpr int64_t kSessionLife = 80 * kMinute;

// Whether another batch may be sent in the session: batch 1 must never be sent twice, so a session whose
// first batch may or may not have arrived is left alone and another one begins.
bool CanContinue(const UploadSession& session, Moment now);

// A session of a replacement is not left alone, because nothing else is taken before it has ended.
bool IsOpen(const UploadSession& session, Moment now);

struct NextBatch {
    UploadSession session;
    bool repeats = false;  // its rows are sent once more as the batch after it
};
// The next batch of an open replacement. `certain`: it is known what became of the last one. If it is not,
// that batch is repeated, which is allowed, and may be ignored; the first one, which must never be, is
// followed by a second one with its rows.
NextBatch ContinueReplacement(UploadSession session, bool certain);

}  // namespace pulse::audience
