// What people said about consent, and what it comes to: pulse.consent_record and pulse.consent. For entry
// code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <set>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/consent_event.hpp"
#include "pulse/profile/consent_region.hpp"
#include "pulse/profile/consent_state.hpp"

namespace pulse::profile {

// A row of pulse.consent_purpose.
struct ConsentPurpose {
    std::string purpose;
    std::vector<std::string> categories;
    bool granted_by_default = false;
    std::vector<ConsentDefault> defaults;  // by region
};
// All, by name; kept per backend until a commit changes one. Needs no Session.
const std::vector<ConsentPurpose>& ConsentPurposes();
// The same for reading events.
ConsentNames CurrentConsentNames();
// The names of the metrics of rules that change with consent: consent.ads and the like.
std::vector<std::string> ConsentEventNames();
// Throws UserError 42704 unless it is one of them.
void RequirePurpose(const std::string& purpose);

// Something that a person said, or an event says for it.
struct ConsentStatement {
    int64_t profile = 0;  // of the id that it was said with
    int64_t person = 0;   // canonical
    std::string purpose;
    bool granted = false;
    std::optional<ConsentStatus> refusal;  // empty: withdrawn after a consent, else denied
    Moment at = 0;
    std::optional<Moment> expires_at;
    std::string source;
    std::optional<std::string> basis, text, text_version;
    std::string proof = "{}";  // a JSON object
};

// Write statements of people who are locked, update their states, and announce those that changed. Returns
// the ids of the rows, in order. `actor`: who recorded them.
std::vector<int64_t> WriteConsents(std::vector<ConsentStatement> statements, const std::string& actor);
// The same for what events say: what only repeats the state adds no row. Returns the people whose state
// changed, for the caller to announce; subscriptions are told of those among `live`.
std::vector<int64_t> WriteConsentsOfEvents(std::vector<ConsentStatement> statements,
                                           const std::set<int64_t>& live);

// After a merge or an unmerge of locked people: their states, if there are any. Returns the people whose
// state changed; the caller announces them.
std::vector<int64_t> MoveConsents(const std::vector<int64_t>& people);
// Compute the states of people anew and tell subscriptions of those among `live`, or of all. Returns those
// that changed.
std::vector<int64_t> UpdateConsents(const std::set<int64_t>& people, const std::set<int64_t>* live = nullptr);

// What is recorded of a person, and the merges that matter.
struct ConsentHistory {
    std::vector<ConsentRecord> records;
    std::vector<ConsentMerge> merges;
};
// `read_only`: as the calling statement sees it; else as of the newest commit.
std::map<int64_t, ConsentHistory> ReadConsentHistories(const std::set<int64_t>& people,
                                                       bool read_only = false);

}  // namespace pulse::profile
