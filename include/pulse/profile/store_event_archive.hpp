// Months of pulse.event on another server: copied, compared, swapped; and back. For entry code of this room.
// What is local needs an open pg::Session as pg::Identity::Owner() in a short transaction; what talks to the
// archive needs that no transaction is open.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/remote.hpp"

namespace pulse::profile {

// ---- store_event_archive_server.cpp ----

// A server of postgres_fdw that a superuser or the owner of the extension owns, with the mapping of that
// owner, or of PUBLIC.
struct ArchiveServer {
    std::string name;
    pg::RemoteParameters parameters;
    int connect_timeout = 0;         // ms
    bool password_required = false;  // as postgres_fdw requires it of the owner of the extension
};
// Throws UserError: no such server, of another wrapper, of another owner, or without a mapping or a password.
ArchiveServer FindArchiveServer(const std::string& name);

// Connects. Throws pg::RemoteError, or UserError if it must not be used.
std::unique_ptr<pg::Remote> ConnectArchive(const ArchiveServer& server);

// Run trusted statements on the archive.
pg::RemoteRows RunThere(pg::Remote& remote, const std::string& sql);

// ---- store_event_archive.cpp ----

// The state of a month: a row of pulse.event_archive.
struct ArchivedMonth {
    int month = 0;  // as MonthOf()
    std::string partition, server, remote_schema, remote_table, state;
    int batch = 0, failures = 0;
    bool by_hand = false;
    int64_t erasures = 0;
    pg::Json done_to;
    std::string reason;

    // As SQL, there: the table, and the view that shows the batches up to a number.
    std::string Table() const;
    std::string View(int number) const;
    std::string ViewName(int number) const;
    std::string Date() const;  // 2025-01-01
};

// The partitions of an archived month: event_y2025m01_late and event_y2025m01_archived.
std::string LateName(const std::string& partition);
std::string ForeignName(const std::string& partition);

// What this database is called on archives: its system identifier and its oid.
std::string ArchiveHome();
// The row of a month, if it has one that is of this database.
std::optional<ArchivedMonth> ReadArchivedMonth(int month);
// Note what is to be done for a month; it is validated.
void RequestArchive(int month, const std::string& server, bool by_hand);

// When the job has work; pg::kNever for none.
Moment NextArchiveDue();
// The month to work on now.
std::optional<ArchivedMonth> NextArchivedMonth();

// Lock the row of a month, after the tables that the step locks. Throws UserError (lock not available) if it
// is not what was read: nothing of the transaction is kept then. With `at_once` also if somebody else has it.
void LockArchivedMonth(const ArchivedMonth& month, bool at_once = false);
// Note that the step is done as far as `done_to`, and the state that follows. Throws as above.
void AdvanceArchive(const ArchivedMonth& month, const char* state, const pg::Json& done_to);
// Go on with the month later, if its state is still that; its reason is shown. `outage` says that no month of
// its server needs to be tried.
void PutOffArchive(const ArchivedMonth& month, const std::string& reason, bool outage);
// Look at the month again at this time, if its state is still that; nothing is wrong.
void LookAgainAt(const ArchivedMonth& month, Moment at);
// Leave a month where it is; what is on the archive is dropped. It is tried again after a week; without a
// reason it was asked back, and stays.
void AbandonArchive(const ArchivedMonth& month, const std::string& reason);
// There is nothing on the archive any more: the month is here, or retention has dropped it.
void FinishDropping(const ArchivedMonth& month);

// Why a month cannot move: empty if it can.
std::string WhyNotArchived(int month);

// ---- store_event_archive_rows.cpp ----

// The columns of pulse.event but archived.
extern const char* const kEventColumns;
// The sum of the hashes of rows e, the same on every server whatever its settings, after their count.
extern const char* const kCountAndDigest;

// Rows for COPY … FROM STDIN in its text format, and where they end.
struct ArchiveRows {
    std::string text;
    int64_t count = 0;
    pg::Json last;  // the key of the last row
};
// Rows of `query`, whose columns are kEventColumns: all of them, or about as many as have so many bytes.
// `suffix` is put behind each line.
ArchiveRows ReadRowsForCopy(const std::string& query, const std::vector<pg::Value>& parameters,
                            const std::string& suffix, size_t bytes);
// A literal on any server, whatever its settings, also outside a transaction.
std::string LiteralThere(const std::string& text);
// An array of ids, as a literal.
std::string IdsThere(const std::vector<int64_t>& ids);
// "(e.profile_id, e.name, e.time, e.id) > (…)" for a key; true for none.
std::string BehindKey(const pg::Json& key);
// Of the last of some rows from the archive.
pg::Json KeyOf(const std::vector<std::optional<std::string>>& row);
// Insert rows that came from the archive in the order of kEventColumns.
void InsertRows(const std::string& table, const pg::RemoteRows& rows);

// ---- the steps ----

// Runs a short transaction; false if somebody was in the way.
using InShortTransaction = std::function<bool(const std::function<void()>&)>;

enum class ArchiveOutcome {
    kMore,     // go on at once
    kBusy,     // somebody is in the way
    kDone,     // the month is where it should be
    kNothing,  // nothing to do for now
};

struct ArchiveStep {
    const ArchivedMonth& month;
    pg::Remote& remote;
    const InShortTransaction& run;
};

ArchiveOutcome BeginArchive(const ArchiveStep& step);     // requested
ArchiveOutcome CopyToArchive(const ArchiveStep& step);    // copying
ArchiveOutcome CompareArchive(const ArchiveStep& step);   // comparing
ArchiveOutcome SwapArchive(const ArchiveStep& step);      // swapping
ArchiveOutcome MoveLateEvents(const ArchiveStep& step);   // archived
ArchiveOutcome CopyFromArchive(const ArchiveStep& step);  // restoring
ArchiveOutcome CompareRestored(const ArchiveStep& step);  // checking
ArchiveOutcome SwapRestored(const ArchiveStep& step);     // returning
ArchiveOutcome DropArchive(const ArchiveStep& step);      // dropping

// Replace rows of the archive by those of `text`, for COPY with the number of their batch: `outdated` says
// which rows e go; `first` are statements before. What a connection has begun that was lost waits at the
// lock, or has ended when this one has it.
void SendRows(const ArchiveStep& step, const std::string& first, const std::string& outdated,
              const std::string& text);
// Whether a month on its way to the archive may go on; gives it up if it may not.
bool MayGoOn(const ArchiveStep& step);
// The same without the giving up: why not.
std::string WhyNotSent(const ArchivedMonth& month);

// Wait, for a moment, until no transaction is left that began before `since` and can read with a snapshot of
// before. False if there still is one.
bool WaitForOlderReaders(const ArchiveStep& step, Moment since);
// Whether a transaction has a snapshot from before this one got its locks, and could read with it when they
// are released. Waits for a tenth of a second at most.
bool HasReadersBeside();

// Tell the archive what has changed in the month since it was copied, and compare that. False if somebody was
// in the way, or the month does not go on from here.
bool SendChanges(const ArchiveStep& step);
// Whether the archive is the server with which the month was compared; if not, it is compared again.
bool IsComparedThere(const ArchiveStep& step);

}  // namespace pulse::profile
