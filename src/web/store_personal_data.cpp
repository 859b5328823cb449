// This room holds nothing about people but those who administer Pulse.
#include "pulse/profile/personal_data.hpp"

namespace pulse::web {

namespace {

[[maybe_unused]] const bool without_personal_data = profile::RegisterWithoutPersonalData(
    "web", {{"api_key", "Keys of programs."},
            {"api_key_secret", "Digests of keys."},
            {"api_key_usage", "Numbers of requests by key."},
            {"console_session", "Digests of sessions of keys."},
            {"change", "Ids of segments, snapshots, incidents, jobs and flags."},
            {"registered_source", "Sources of events and their keys."},
            {"webhook_secret", "Secrets of senders."},
            {"webhook_seen", "Digests of webhook-id and time."}});

}  // namespace

}  // namespace pulse::web
