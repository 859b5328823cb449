// What Pulse holds about a person: each room registers its tables, so that an export or an erasure forgets
// none. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pulse::profile {

// The person that is exported or erased.
struct DataSubject {
    int64_t canonical = 0;
    std::vector<int64_t> profiles;  // all of the person, the canonical one among them
    // Ids, e-mail addresses, phone numbers as they were sent and normalised: what a search for remains looks
    // for.
    std::vector<std::string> identifiers;
};

// All functions are called with a pg::Session as pg::Identity::Owner() open.
struct PersonalData {
    const char* room = nullptr;
    // The tables of schema pulse that it covers, without the schema, ended by null. A test over the catalog
    // proves that each table of Pulse is covered, or listed as one without personal data.
    const char* const* tables = nullptr;
    // Adds what is held to the document of pulse_export_profile(); null: nothing that is not a copy of other
    // rooms' data.
    void (*export_to)(const DataSubject& person, nlohmann::json& document) = nullptr;
    // Before anything is deleted: queues what must leave other systems, from what was sent there. May be
    // null.
    void (*before_erase)(const DataSubject& person) = nullptr;
    // Deletes it; returns the number of rows.
    int64_t (*erase)(const DataSubject& person) = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterPersonalData(const PersonalData& data);
const std::vector<PersonalData>& RegisteredPersonalData();

}  // namespace pulse::profile
