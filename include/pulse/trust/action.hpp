// Actions: their states, and what becomes of one, given the verdict of the gate, the limits and the people
// who looked at it. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::trust {

enum class State : uint8_t {
    kPending,     // waits; `Need` says for what
    kApproved,    // to be carried out
    kApplying,    // handed to a receiver, which has not confirmed it yet
    kApplied,     // done
    kFailed,      // was tried, and nothing has changed
    kDismissed,   // a person or a limit said no
    kRolledBack,  // done, and undone
    kExpired      // waited for too long
};
const char* Name(State state);
State ReadState(std::string_view name);
// Whether nothing can change it any more, but that an applied action can be rolled back.
bool IsFinal(State state);

// How much an action may do by itself.
enum class Level : uint8_t { kSuggest, kGuarded, kApproval };
const char* Name(Level level);
// Throws UserError 22023.
Level ReadLevel(const std::string& name);

// What happens when a limit is exceeded; the strictest of those that apply wins.
enum class Mode : uint8_t { kAdvisory, kSoftBlock, kHardBlock };
const char* Name(Mode mode);
// Throws UserError 22023; `place` is how the message calls the value.
Mode ReadMode(const std::string& name, const std::string& place);

// What a pending action waits for.
enum class Need : uint8_t {
    kNone,
    kApproval,      // a person
    kConfirmation,  // a person who says why a limit may be exceeded
    kHealth,        // that the gate lets it pass
    kDecision       // a person, since the gate blocks it
};
const char* Name(Need need);

// What is known of an action when it is decided whether to carry it out.
struct Considered {
    bool passes = false, holds = false;  // the verdict of the gate; neither: it blocks
    Level level = Level::kApproval;
    bool high_risk = false;
    bool moves_many = false;  // people at once, beyond the limit
    bool approved = false;    // by a person
    bool confirmed = false;   // by a person, despite the violations
    bool overridden = false;  // the hold, by an admin
    bool enforced = true;     // the kill switch is not used
    bool violated = false;    // a limit
    Mode mode = Mode::kHardBlock;
};

// What to do with it now.
struct Course {
    State state = State::kPending;  // kApproved: carry it out
    Need need = Need::kDecision;
};

// The rule of all rules: kApproved needs the verdict pass, or the verdict hold that an admin has overridden.
Course Decide(const Considered& considered);

}  // namespace pulse::trust
