// The person that is exported or erased.
#include <algorithm>

#include "pulse/pg/probe.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/store_erasure.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_person.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int kLockRounds = 100;

}  // namespace

std::vector<Identity> ReadIdentities(const std::vector<int64_t>& profiles) {
    static pg::Statement statement(
        "SELECT kind, value FROM pulse.identity WHERE profile_id = ANY ($1) ORDER BY kind, value",
        {INT8ARRAYOID});
    const pg::Result rows = statement.Execute({Value::Int8s(profiles)});
    std::vector<Identity> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back({rows[i].Text(0), rows[i].Text(1)});
    return ids;
}

std::optional<DataSubject> ReadSubject(int64_t canonical) {
    static pg::Statement statement(
        "SELECT id, bucketing_id FROM pulse.profile WHERE canonical_id = $1 ORDER BY id", {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(canonical)});
    if (rows.empty()) return std::nullopt;
    DataSubject person;
    person.canonical = canonical;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        person.profiles.push_back(rows[i].Int8(0));
        person.identifiers.push_back(rows[i].Text(1));
    }
    for (Identity& id : ReadIdentities(person.profiles)) person.identifiers.push_back(std::move(id.value));
    std::sort(person.identifiers.begin(), person.identifiers.end());
    person.identifiers.erase(std::unique(person.identifiers.begin(), person.identifiers.end()),
                             person.identifiers.end());
    return person;
}

std::optional<DataSubject> LockSubject(const std::string& user) {
    for (int i = 0; i < kLockRounds; ++i) {
        pg::CheckInterrupts();
        std::optional<int64_t> canonical;
        {
            // Another transaction may have erased or merged the person while this one waited.
            const pg::LatestSnapshot latest;
            if (const auto person = FindPerson(user)) canonical = person->id;
        }
        if (!canonical) return std::nullopt;
        pg::Subtransaction attempt;
        size_t locked = 0;
        {
            const pg::Session session;
            locked = LockPeople({*canonical}).size();
        }
        if (locked == 0) continue;
        attempt.Commit();
        return ReadSubject(*canonical);
    }
    throw UserError(sqlstate::kSerializationFailure, "other sessions keep changing the same people", "",
                    "Try again.");
}

int64_t EraseRows(const DataSubject& person, const char* sql) {
    return static_cast<int64_t>(
        pg::Execute(sql, {Value::Int8s(person.profiles), Value::Texts(person.identifiers)}).processed());
}

ErasedRows EraseAtOnce(const DataSubject& person) {
    ErasedRows rows;
    for (const PersonalData& data : RegisteredPersonalData()) {
        if (!data.erase) continue;
        pg::CheckInterrupts();
        const int64_t count = data.erase(person);
        if (count == 0) continue;
        std::string tables;
        for (const char* const* table = data.tables; *table; ++table)
            tables += (tables.empty() ? "" : ", ") + std::string(*table);
        rows.emplace_back(std::move(tables), count);
    }
    return rows;
}

}  // namespace pulse::profile
