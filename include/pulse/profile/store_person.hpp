// Finding one person by index probes. For entry code of this room and later ones.
#pragma once

#include <set>

#include "pulse/pg/convert.hpp"

namespace pulse::profile {

struct Person {
    int64_t id = 0;  // canonical
    std::string bucketing_id;
    pg::Value attributes;      // jsonb
    pg::Value account;         // jsonb: attributes of the account; '{}' without one
    Moment first_seen_at = 0;  // of the row; see ExistedAt()
};

// Find the person that `user` names: a user id, else an anonymous id, else a value of another kind, by
// priority; or kind:value with a kind of pulse.identity_kind, as email:ann@example.com; or profile:42. A text
// in one of the last two forms is never looked up as a plain id: write such a user id as user_id:profile:42.
// Uses probes only: runs no query, works on a standby, needs no Session.
std::optional<Person> FindPerson(const std::string& user);
// The profile that the id belongs to, by the same rules: it may be merged into another one, and profile:42
// may not exist.
std::optional<int64_t> FindProfileOfId(const std::string& user);
// Throws UserError 42704 "no person with the id …".
Person RequirePerson(const std::string& user);
// By canonical or former id.
std::optional<Person> FindPerson(int64_t profile);
// The id of an unknown person as it is stored once an event brings it.
std::string StoredForm(const std::string& user);
// Whether the person existed at a moment: since the earliest first_seen_at of its profiles or the earliest of
// its events. Reads these only if the person's own profile is first seen later. Needs no Session.
bool ExistedAt(const Person& person, Moment at);
// Those of these people, by canonical id, who existed at a moment.
std::set<int64_t> ExistedAt(const std::vector<int64_t>& people, Moment at);

}  // namespace pulse::profile
