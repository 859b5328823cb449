#include "pulse/profile/store_account.hpp"
#include "pulse/profile/store_identity.hpp"
#include "pulse/profile/store_person.hpp"

namespace pulse::profile {

namespace {

[[noreturn]] void Missing() {
    throw UserError(sqlstate::kNotSupported, "people are not there yet");
}

}  // namespace

void SetBlocked(IdentityKind&, const std::vector<std::string>&) { Missing(); }
Normalised Normalise(const IdentityKind&, const std::string&) { Missing(); }
Normalised NormalForm(const std::string&, std::string_view) { Missing(); }
const std::vector<IdentityKind>& IdentityKinds() { Missing(); }
void Resolve(std::vector<Claim>&, bool, const std::vector<int64_t>&) { Missing(); }
std::vector<int64_t> LockPeople(std::vector<int64_t>) { Missing(); }
std::optional<Person> FindPerson(const std::string&) { Missing(); }
Person RequirePerson(const std::string&) { Missing(); }
std::optional<Person> FindPerson(int64_t) { Missing(); }
std::vector<AccountChange> WriteAccounts(std::vector<AccountWrite>&) { Missing(); }
std::vector<int64_t> JoinAccounts(const std::vector<AccountJoin>&) { Missing(); }

}  // namespace pulse::profile
