#include "pulse/profile/store_set_consent.hpp"

#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_person.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int kConsentRounds = 100;

using PeopleOfProfiles = std::map<int64_t, int64_t>;

// By the newest commit.
PeopleOfProfiles ReadPeopleOf(const std::vector<int64_t>& profiles) {
    static pg::Statement statement("SELECT id, canonical_id FROM pulse.profile WHERE id = ANY ($1)",
                                   {INT8ARRAYOID});
    const ForceIndexScans force_index;
    PeopleOfProfiles people;
    const pg::Result rows = statement.Execute({Value::Int8s(profiles)});
    for (uint64_t i = 0; i < rows.size(); ++i) people[rows[i].Int8(0)] = rows[i].Int8(1);
    return people;
}

// Lock the people of these profiles. Empty if a merge or unmerge changed them meanwhile: roll back, try
// again.
std::optional<PeopleOfProfiles> LockPeopleOfProfiles(const std::vector<int64_t>& profiles) {
    const PeopleOfProfiles people = ReadPeopleOf(profiles);
    std::set<int64_t> ids;
    for (const auto& [profile, person] : people) ids.insert(person);
    if (LockPeople({ids.begin(), ids.end()}).size() != ids.size()) return std::nullopt;
    return ReadPeopleOf(profiles) == people ? std::optional(people) : std::nullopt;
}

std::vector<ConsentResult> WriteRequests(const std::vector<ConsentRequest>& requests,
                                         const std::vector<std::optional<int64_t>>& profiles,
                                         const PeopleOfProfiles& people, const std::string& actor) {
    std::vector<ConsentResult> results(requests.size());
    std::vector<ConsentStatement> statements;
    std::vector<size_t> places;
    for (size_t i = 0; i < requests.size(); ++i) {
        const auto person = profiles[i] ? people.find(*profiles[i]) : people.end();
        if (person == people.end()) continue;
        const ConsentEvidence& evidence = requests[i].evidence;
        results[i].person = person->second;
        places.push_back(i);
        statements.push_back({person->first, person->second, requests[i].purpose, requests[i].granted,
                              evidence.refusal, evidence.at, evidence.expires_at, evidence.source,
                              evidence.basis, evidence.text, evidence.text_version, evidence.proof});
    }
    const std::vector<int64_t> records = WriteConsents(std::move(statements), actor);
    for (size_t i = 0; i < places.size(); ++i) results[places[i]].record = records[i];
    return results;
}

}  // namespace

std::vector<ConsentResult> SetConsents(const std::vector<ConsentRequest>& requests,
                                       const std::string& actor) {
    if (GetListener().before_write) GetListener().before_write();
    std::vector<std::optional<int64_t>> profiles;
    std::vector<int64_t> known;
    for (const ConsentRequest& request : requests) {
        pg::CheckInterrupts();
        profiles.push_back(FindProfileOfId(request.user));
        if (profiles.back()) known.push_back(*profiles.back());
    }
    for (int i = 0; i < kConsentRounds; ++i) {
        pg::CheckInterrupts();
        pg::Subtransaction subtransaction;
        std::vector<ConsentResult> results;
        {
            const pg::Session session;
            const std::optional<PeopleOfProfiles> people = LockPeopleOfProfiles(known);
            if (!people) continue;
            results = WriteRequests(requests, profiles, *people, actor);
        }
        subtransaction.Commit();
        return results;
    }
    throw UserError(sqlstate::kSerializationFailure, "other sessions keep changing the same people", "",
                    "Try again.");
}

}  // namespace pulse::profile
