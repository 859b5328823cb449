// Functions of later rooms that segments over people need. Pure C++.
#pragma once

#include <string>

#include "pulse/rule/profile.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::segment {

struct ProfileHooks {
    // The trees of saved traits and segments.
    const rule::Definitions& (*definitions)() = nullptr;
    // Lock definitions until the end of the transaction. Called before checking data that will be written.
    void (*lock)() = nullptr;
    // Check that a definition may have this name: definitions that use it must remain valid. Raises notices
    // for names that the catalogue of events does not have. `request` is expanded. Called with a pg::Session
    // as pg::Identity::Owner() open, like the functions below.
    void (*check)(const std::string& name, const Request& request) = nullptr;
    // Throws UserError 2BP01 that names the users of the segment; `what` is the refused action, as
    // "archived".
    void (*require_unused)(const std::string& name, const char* what) = nullptr;
    // Whether events are on an archive, which may be slow or down.
    bool (*archive_in_use)() = nullptr;
    // After rows of pulse.segment were written.
    void (*written)() = nullptr;
};

// Set when the library is loaded; returns true, so that a constant can do it.
bool RegisterProfileHooks(const ProfileHooks& kind);
const ProfileHooks& GetProfileHooks();

}  // namespace pulse::segment
