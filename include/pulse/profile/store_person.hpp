// One person, found at the price of index probes. For entry code of this room and those after it.
#pragma once

#include "pulse/pg/convert.hpp"

namespace pulse::profile {

struct Person {
    int64_t id = 0;  // canonical
    std::string bucketing_id;
    pg::Value attributes;      // jsonb
    pg::Value account;         // jsonb: attributes of the account; '{}' without one
    Moment first_seen_at = 0;  // of the row; see ExistedAt()
};

// Who `user` is: a user id, else an anonymous id, else a value of another kind in the order of their
// priority; or kind:value with a kind of pulse.identity_kind, as email:ann@example.com; or profile:42. What
// looks like one of the latter is nothing else: a user id that does is given as user_id:profile:42. By probes
// only: no query, works on a standby, needs no Session.
std::optional<Person> FindPerson(const std::string& user);
// Throws UserError 42704 "no person with the id …".
Person RequirePerson(const std::string& user);
// By canonical or former id.
std::optional<Person> FindPerson(int64_t profile);
// Whether somebody was there at a moment: from the first on of what the person's profiles were made by and of
// all their events, whenever these came. Asks only where the person's own profile is of later. Needs no
// Session.
bool ExistedAt(const Person& person, Moment at);

}  // namespace pulse::profile
