// Syncs: queued, let through by the gate, planned and recorded step by step. Nothing here waits for the
// network. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/audience/answer.hpp"
#include "pulse/audience/store_ledger.hpp"
#include "pulse/pg/job_kind.hpp"

namespace pulse::audience {

extern const pg::JobKind kAudiencesJob;

// A row of pulse.sync_run.
struct Run {
    int64_t id = 0, audience = 0;
    std::string operation, status, phase, triggered_by;
    Moment created_at = 0;
    int64_t after = 0;
    std::optional<Moment> decided_at, held_at, started_at;
    std::optional<std::string> held_by;
    bool approved = false, cancel_requested = false;
    int attempts = 0;
    UploadSession session;
    std::string replacement;  // "sending", "sent" or empty
    int restarts = 0;
    int64_t failed = 0;
    std::optional<int64_t> action;  // in pulse.action, while it waits for approval
    std::string share_reason;
    // Whether additions belong to one session that becomes the audience.
    bool replaces() const { return replacement == "sending"; }
};

// ---- store_sync.cpp: what users and schedules ask for ----

// Throws UserError 55006 while another one is under way. Returns its id.
int64_t QueueRun(const Audience& audience, const std::string& operation, const char* triggered_by);
[[noreturn]] void ThrowUnderWay(const Audience& audience);
// For pulse_sync_audience() and actions: throws UserError for an audience that cannot be synchronised.
int64_t RequestSync(const std::string& name, const std::string& operation, const char* triggered_by);
void CancelSync(int64_t run);
// The action that its approval was proposed as is carried out, or has ended without that.
void ContinueHeld(int64_t run, int64_t action);
void EndHeld(int64_t run, int64_t action, const std::string& why);
// The approval of a held sync is asked for once more: the action that waits is about another name.
void AskAnew(int64_t audience, const std::string& why);
void RetrySync(int64_t run);
// Those that wait end; one under way ends after its request.
void CancelRuns(int64_t audience, const std::string& why);
// Queues what is due by schedule, by change, and for erased people.
void QueueDueRuns();
// The ids of runs that can go on now, and when another one can at the latest.
std::vector<int64_t> DueRuns();
Moment NextSyncDue();
// Whether an audience follows changes, which nothing announces: they are looked for every few seconds.
bool FollowsChanges();
// Wake the worker when the transaction commits.
void WakeSyncs();
// The same, if an audience follows changes.
void WakeForChanges();

// ---- store_advance.cpp: one step ----

// Where the claims of a run have come to in this process; from the beginning after a crash.
struct ClaimPlace {
    int64_t queued = 0, removing = 0, adding = 0;
    int64_t settled = 0;  // of a replacement that has become the audience
};

struct Work {
    enum class Kind : uint8_t {
        kNothing,  // it waits, is held, or has ended
        kAgain,    // there is another step
        kCreate,   // the audience must be created on the platform
        kFind,     // it may have been created: look for it
        kUpload,   // `claimed` must be sent
        kRemoveAll,
        kDelete,
        kSize,  // ask for its size, then finish
    };
    Kind kind = Kind::kNothing;
    Run run;
    std::optional<Audience> audience;
    std::optional<Destination> destination;
    Claimed claimed;
};
// Does the next step of a run, and says what must be sent.
Work AdvanceRun(int64_t run, ClaimPlace& place);
// An upload session belongs to one phase.
void SetPhase(Run& run, const char* phase);
void WaitUntil(const Run& run, Moment until);

// ---- store_hold.cpp: what holds a sync ----

// Whether the gate lets it go on now; otherwise the run is held, or ends after a day. A decision is the fence
// of what is claimed with it: an old one is taken again, a young one is looked at.
bool PassesGate(Run& run, const Work& work);
// Whether it moves no more people at once than the audience allows; otherwise the run is held until a person
// approves it. People who have withdrawn consent are removed in any case.
bool ChecksShare(Run& run, const Audience& audience, const Destination& destination);
// For a run that waits for this approval: people who have withdrawn consent leave meanwhile, and an approval
// for which the queue of actions had no room is asked for again.
void KeepHeldForShare(const Run& run, const Work& work);

// ---- store_claim.cpp: who is sent next ----

// Write what must be sent to `work`, or take the run to its next phase.
void ClaimRemovalStep(Run& run, Work& work, ClaimPlace& place);
void ClaimAdditionStep(Run& run, Work& work, ClaimPlace& place);
// What was planned for these people long ago is planned anew.
void PlanAgain(const Run& run, const Work& work, const std::vector<int64_t>& people);
// Whether somebody behind `after` will still be sent: the last request of an upload says that it is the last.
bool AnybodyFollows(const Run& run, const Work& work, int64_t after);

// ---- store_record.cpp: what became of requests ----

// A batch was answered; `people`: who was in it, for an upload that is still to be finished.
struct BatchRecord {
    int64_t run = 0, audience = 0;
    Operation operation = Operation::kAdd;
    int64_t rows = 0;
    Outcome outcome = Outcome::kDone;
    int status = 0;
    double milliseconds = 0;
    std::string upload_id, error;
    std::optional<Moment> check_at;
    std::vector<int64_t> people;
    std::vector<std::string> cells;
};
void RecordBatch(const BatchRecord& batch);
// All of a claim was sent: `refused` people with their reasons, the others are done.
void RecordClaim(const Run& run, const Audience& audience, const Claimed& claimed,
                 const std::map<int64_t, std::string>& refused, int64_t rows);
void RecordSession(int64_t run, const UploadSession& session);

// The audience is about to be created: after a crash it is looked for first.
void NoteCreation(int64_t run);
void RecordPlatformId(const Work& work, const std::string& id);
// A request failed: the run waits for the next attempt, or fails after the last one.
void RetryLater(const Run& run, const std::string& destination, const Answer& answer,
                const std::string& body);
void FailRun(const Run& run, const Audience& audience, const Answer& answer, const std::string& body);
void FinishRun(const Run& run, const Audience& audience, const Destination& destination,
               const std::optional<AudienceState>& state);
void EndRun(int64_t run, const char* status, const std::string& error);
// Nobody needs to approve it any more.
void EndApproval(int64_t run);
// Tells subscriptions and routes what a sync has come to.
void AnnounceRun(int64_t run);

// An answer as it is kept: its beginning.
std::string AnswerExcerpt(const std::string& text);
// Deletes its row and what hangs on it.
void DropAudience(int64_t id);

// ---- store_size.cpp: the size and the match rate that a platform reports ----

void RecordSize(const Audience& audience, const Destination& destination, const AudienceState& state);
// From either bound or both; `source`: what it was read from.
void NoteMatchRate(const Audience& audience, const std::optional<double>& low,
                   const std::optional<double>& high, const char* source);
// Puts the platform's count beside the ledger's; where they have parted the next sync sends everybody again.
void CompareSize(const Run& run, const Audience& audience, const Destination& destination,
                 const std::optional<AudienceState>& state);
// Everybody was sent again: what the platform counts from now on is new.
void NoteReplaced(int64_t audience);

// ---- store_replacement.cpp: a whole audience in one session ----

// Decides, before anybody is sent, whether the run replaces the audience in a session.
void ChooseReplacement(Run& run, const Audience& audience, const Destination& destination);
// The next people of it; false: there is nothing to send in this step, which may have been the last.
bool ClaimReplacement(Run& run, Work& work, ClaimPlace& place);
// The last batch was taken: it is the audience now, with the people up to this one.
void CloseReplacement(int64_t run, int64_t upto);
// The session is lost: all of it is sent again. False: it was lost too often.
bool RestartReplacement(const Run& run);

// ---- store_open_upload.cpp: uploads that the platform takes its time for ----

struct OpenUpload {
    int64_t id = 0, audience = 0;
    std::string upload_id, destination;
    std::optional<std::string> platform_id;
    int checks = 0;
};
std::vector<OpenUpload> UploadsToCheck(int64_t most);
void RecordUploadCheck(const OpenUpload& upload, const Answer& answer, Platform platform);

}  // namespace pulse::audience
