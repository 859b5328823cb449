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

// A table without an index by person, or whose rows name people in texts. The job deletes in it a range of
// blocks at a time.
struct ErasureScan {
    const char* table = nullptr;
    // SQL about a row t; $1 are the profiles (bigint[]), $2 the identifiers (text[]), as in
    // pulse.mentions(t.payload::text, $2).
    const char* condition = nullptr;
    // What is set instead of deleting the row, where it is about somebody else: "message = NULL".
    const char* set = nullptr;
};

// One key of the document of pulse_export_profile(), read in portions.
struct ExportPart {
    const char* name = nullptr;
    // A query for one column of jsonb, a row each; $1 are the profiles, $2 the identifiers.
    const char* sql = nullptr;
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
    // Deletes it; returns the number of rows. Called in the transaction of pulse_erase_profile(), and once
    // more by the job, for what transactions wrote that were open meanwhile. Null: `scans` does it.
    int64_t (*erase)(const DataSubject& person) = nullptr;
    // What the job deletes; ended by an empty one.
    const ErasureScan* scans = nullptr;
    // What may be much, beside `export_to`; ended by an empty one.
    const ExportPart* parts = nullptr;
    // Tables that keep what has to leave other systems until it has left, ended by null: a search for remains
    // leaves them out.
    const char* const* pending = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterPersonalData(const PersonalData& data);
// Those of room profile last, so that the others still find the person's rows there.
const std::vector<PersonalData>& RegisteredPersonalData();

// A table that holds nothing about a person, and why.
struct WithoutPersonalData {
    const char* table = nullptr;
    const char* reason = nullptr;
};

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterWithoutPersonalData(const char* room, const std::vector<WithoutPersonalData>& tables);

// One row of pulse_list_personal_data().
struct CoveredTable {
    std::string room, table;
    bool personal = true;
    std::string reason;
};
// All tables that are registered, by room and name.
std::vector<CoveredTable> CoveredTables();

}  // namespace pulse::profile
