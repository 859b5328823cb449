// A change of consent is evaluated in the transaction that makes it, whatever pulse.evaluation is: nobody is
// left in a segment of people with consent after it was withdrawn.
#include "pulse/profile/consent_listener.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

namespace {

void ConsentChanged(const std::vector<int64_t>& people) {
    const std::shared_ptr<const Program> program = CurrentProgram();
    if (program->TracksNothing()) return;
    ProfileChange change;
    change.events = profile::ConsentEventNames();
    if (!Affects(program->index, change)) return;
    std::vector<ProfileChange> changes(people.size(), change);
    for (size_t i = 0; i < people.size(); ++i) changes[i].profile = people[i];
    UpdateState(changes, {"consent", false, true, std::nullopt});
}

[[maybe_unused]] const bool listening_to_consent = profile::ListenToConsent(ConsentChanged);

}  // namespace

}  // namespace pulse::trait
