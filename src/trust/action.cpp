#include "pulse/trust/action.hpp"

#include <array>
#include <stdexcept>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::trust {

namespace {

constexpr std::array<const char*, 8> kStates{"pending", "approved",  "applying",    "applied",
                                             "failed",  "dismissed", "rolled_back", "expired"};
constexpr std::array<const char*, 3> kLevels{"suggest", "guarded", "approval"};
constexpr std::array<const char*, 3> kModes{"advisory", "soft_block", "hard_block"};
constexpr std::array<const char*, 5> kNeeds{"", "approval", "confirmation", "health", "decision"};

template <typename Kind, size_t Size>
Kind ReadWord(const std::array<const char*, Size>& words, const std::string& name, const std::string& place) {
    for (size_t i = 0; i < Size; ++i)
        if (name == words[i]) return static_cast<Kind>(i);
    ThrowInvalid(place + " is unknown", "It is " + InQuotes(name.substr(0, 100)) + ".",
                 SuggestName(name.substr(0, 100), {words.begin(), words.end()}, "Valid values"));
}

}  // namespace

const char* Name(State state) {
    return kStates[static_cast<size_t>(state)];
}

State ReadState(std::string_view name) {
    for (size_t i = 0; i < kStates.size(); ++i)
        if (name == kStates[i]) return static_cast<State>(i);
    throw std::logic_error("an action has the unknown state " + std::string(name));
}

bool IsFinal(State state) {
    return state != State::kPending && state != State::kApproved && state != State::kApplying;
}

const char* Name(Level level) {
    return kLevels[static_cast<size_t>(level)];
}

Level ReadLevel(const std::string& name) {
    return ReadWord<Level>(kLevels, name, "\"level\"");
}

const char* Name(Mode mode) {
    return kModes[static_cast<size_t>(mode)];
}

Mode ReadMode(const std::string& name, const std::string& place) {
    return ReadWord<Mode>(kModes, name, place);
}

const char* Name(Need need) {
    return kNeeds[static_cast<size_t>(need)];
}

Course Decide(const Considered& considered) {
    const bool enforced = considered.enforced && considered.mode != Mode::kAdvisory;
    if (considered.violated && enforced) {
        if (considered.mode == Mode::kHardBlock) return {State::kDismissed, Need::kNone};
        if (!considered.confirmed) return {State::kPending, Need::kConfirmation};
    }
    const bool trusted =
        considered.level == Level::kGuarded && !(considered.high_risk && enforced) && !considered.moves_many;
    const bool seen = considered.approved || considered.confirmed;
    // What a person has seen waits for the gate by itself; nothing else gets past a block.
    if (!considered.passes && !considered.holds)
        return {State::kPending, seen ? Need::kHealth : Need::kDecision};
    if (!trusted && !seen) return {State::kPending, Need::kApproval};
    if (!considered.passes && !considered.overridden) return {State::kPending, Need::kHealth};
    return {State::kApproved, Need::kNone};
}

}  // namespace pulse::trust
