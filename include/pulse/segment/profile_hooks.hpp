// What segments over people need of the rooms that come after this one. Pure C++.
#pragma once

#include <string>

#include "pulse/rule/profile.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::segment {

struct ProfileHooks {
    // The trees of saved traits and segments.
    const rule::Definitions& (*definitions)() = nullptr;
    // What is defined stays as it is till the end of the transaction. Asked for before anything is checked
    // that will be written.
    void (*lock)() = nullptr;
    // Whether a definition may take this name: what uses it must go on working. Says what the catalogue of
    // events does not know. `request` is expanded. With a pg::Session as pg::Identity::Owner() open, as all
    // that follow.
    void (*check)(const std::string& name, const Request& request) = nullptr;
    // Throws UserError 2BP01 that names who uses the segment; `what` is what was to happen to it: "archived".
    void (*require_unused)(const std::string& name, const char* what) = nullptr;
    // After rows of pulse.segment were written.
    void (*written)() = nullptr;
};

// Set when the library is loaded; returns true, so that a constant can do it.
bool RegisterProfileHooks(const ProfileHooks& kind);
const ProfileHooks& GetProfileHooks();

}  // namespace pulse::segment
