// Audiences and their destinations. For entry code of this room; all functions need an open pg::Session as
// pg::Identity::Owner(), unless they say otherwise.
#pragma once

#include "pulse/audience/audience_options.hpp"
#include "pulse/audience/destination.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/segment/segment.hpp"

namespace pulse::audience {

// A row of pulse.audience.
struct Audience {
    int64_t id = 0;
    std::string name;
    int64_t segment_id = 0;
    std::string segment;    // its name
    bool of_people = true;  // the segment is over people; else over a relation or query
    std::string destination;
    std::vector<std::string> purposes, identifiers;
    std::optional<int64_t> every;
    bool on_change = false;
    int64_t full_every = 0;
    double max_share = 0;
    std::string key_kind;
    std::optional<std::string> platform_id;
    std::string platform_name, description;
    std::string status;
    int64_t people = 0;
    std::optional<Moment> last_full_at;
    bool at_home = false;  // this database synchronises it
    bool parted = false;   // the platform has others than were sent
};

// Throws UserError 42704 with similar names.
Audience LoadAudience(const std::string& name);
std::optional<Audience> FindAudience(int64_t id);
// `condition` is SQL over the alias a.
std::vector<Audience> LoadAudiences(const char* condition, const std::vector<pg::Value>& parameters);

// Creates it; returns the id. Needs no Session.
int64_t CreateAudience(const std::string& name, const std::string& segment, const std::string& destination,
                       const AudienceOptions& options);
void UpdateAudience(const std::string& name, const AudienceOptions& options);
// Returns deleted or deleting.
std::string DeleteAudience(const std::string& name, bool delete_from_platform);
void PauseAudience(const std::string& name, const std::optional<std::string>& reason);
void ResumeAudience(const std::string& name);
// The platform refuses everything, or has deleted it: no sync before somebody resumes it.
void StopAudience(int64_t id, const char* status, const std::string& reason);

// ---- store_destination.cpp ----

// Throws UserError 42704 that lists the destinations, 22023 if an option is missing.
Destination LoadDestination(const std::string& name);
pg::ForeignServer FindDestination(const std::string& name);
// The destination with the identifiers of this audience only.
Destination DestinationOf(const Audience& audience);
void NoteSuccess(const std::string& destination);
void NoteFailure(const std::string& destination, const std::string& error, bool login);
// Nothing is sent to it before this moment.
void NoteBusy(const std::string& destination, Moment until);
// Records in the audit log when a destination begins or ceases to send people without recorded consent: its
// option can be changed by ALTER SERVER, which no audit log sees.
void NoteWithoutConsent(const std::string& destination, bool sends);
bool LoginFailed(const std::string& destination);
// Writes a rotated refresh token into the user mapping, before it is used.
void KeepRefreshToken(const std::string& destination, const std::string& refresh_token);

}  // namespace pulse::audience
