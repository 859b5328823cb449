// Erasing a person. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <functional>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/identity.hpp"
#include "pulse/profile/personal_data.hpp"

namespace pulse::profile {

// ---- store_subject.cpp: whom it is about ----

// All of a person; empty if there is no such profile, by the newest snapshot.
std::optional<DataSubject> ReadSubject(int64_t canonical);
// The ids of profiles, by kind and value.
std::vector<Identity> ReadIdentities(const std::vector<int64_t>& profiles);
// Find a person and lock it until the transaction ends; empty if there is none.
std::optional<DataSubject> LockSubject(const std::string& user);

// Number of rows deleted by tables, "identity" or "export, export_chunk".
using ErasedRows = std::vector<std::pair<std::string, int64_t>>;
// Call `erase` of all rooms.
ErasedRows EraseAtOnce(const DataSubject& person);
// Run a statement whose parameters are the profiles and the identifiers of a person; returns the number of
// rows. For `erase`.
int64_t EraseRows(const DataSubject& person, const char* sql);

// ---- store_erasure.cpp: requests ----

// What a list of erasures says about one of them.
struct ReplayedErasure {
    std::string key;  // a uuid
    std::string requested_at, refused_until;
    std::vector<std::string> hashes;
};

// Ask for an erasure; see pulse_erase_profile(). Returns its id. `actor` is who does it.
int64_t RequestErasure(const std::string& user, const std::string& reason, const std::string& actor);
// Let an erased person come back; returns the id of the erasure.
int64_t AllowErased(const std::string& user);
// Make the row of a replayed erasure and erase these people.
int64_t ReplayErasure(const ReplayedErasure& erasure, const std::string& reason,
                      const std::vector<int64_t>& people, const std::string& actor);

// ---- store_erasure_step.cpp: what the job does for one person ----

struct OpenErasure {
    int64_t id = 0;
    std::string state, place;
    DataSubject person;
    std::vector<Identity> ids;
};
// The ids of erasures that have not ended and may be worked on now; with the state `verifying` or not.
std::vector<int64_t> OpenErasures(bool verifying);
OpenErasure LoadErasure(int64_t id);
// Add to the numbers of deleted rows, and to the tables that are to be vacuumed.
void NoteErased(int64_t erasure, const ErasedRows& rows, const std::vector<std::string>& touched);

// Run a part of the work: in a worker in a transaction of its own, else in the caller's. False: another
// session holds a lock; the next run goes on.
using RunStep = std::function<bool(const std::function<void()>& work)>;
// Wait until everybody has ended who was writing when the erasures that are committed by now were requested.
// False if somebody writes for longer than pulse.lock_timeout.
bool WaitForWriters(const RunStep& step);
// Delete everything of one person. `waited`: WaitForWriters() has succeeded since the request. False if the
// next run has to go on.
bool EraseInSteps(int64_t erasure, bool waited, const RunStep& step);

// ---- store_erasure_search.cpp: the proof ----

// Search all tables for remains of all people whose data is deleted, and end their erasures. Returns the
// number of erasures ended.
int64_t VerifyErasures(const RunStep& step);

// ---- store_erasure_replay.cpp ----

struct ReplayedRow {
    std::optional<int64_t> erasure;
    const char* result;
    int64_t people;
};
pg::Json ListErasures();
std::vector<ReplayedRow> ReplayErasures(const pg::Json& list, const std::string& actor);

// ---- store_export_person.cpp ----

// Call `visit` with the key of the document and one element of its list, as JSON text, for everything held on
// a person.
void VisitPersonalData(const DataSubject& person,
                       const std::function<void(const std::string& part, const std::string& json)>& visit);

}  // namespace pulse::profile
