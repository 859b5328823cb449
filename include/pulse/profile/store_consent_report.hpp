// What is known of consent. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"
#include "pulse/profile/consent_state.hpp"
#include "pulse/profile/store_person.hpp"

namespace pulse::profile {

// A person's consent for one purpose at a moment.
struct ConsentView {
    std::string purpose;
    std::string status;  // granted, expired, denied, withdrawn, none
    bool granted = false;
    std::optional<Moment> at, expires_at;
    std::optional<int64_t> record;
    std::optional<std::string> source, basis, text_version;
};
// One for each purpose, by name.
std::vector<ConsentView> ReadConsents(const Person& person, Moment at);

// Every statement of a person, newest first: columns as pulse_consent_history() returns them.
pg::Result ReadConsentRecords(int64_t person, int limit);

// Whether a person has live consent now; without a record, what the purpose says for the person's region.
bool HasConsent(const Person& person, const std::string& purpose);

struct ConsentCoverage {
    std::string purpose;
    int64_t people = 0, granted = 0, refused = 0, expired = 0;
    bool exact = true;
};
// Counts at a bounded price (profile::CountRows()).
std::vector<ConsentCoverage> ReadConsentCoverage();

}  // namespace pulse::profile
