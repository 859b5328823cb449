// From stories to what each channel is sent, within its limits. Pure C++ and deterministic: the same message
// has the same payload.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/delivery/channel.hpp"
#include "pulse/http/request.hpp"
#include "pulse/delivery/incident_summary.hpp"

namespace pulse::delivery {

// What is around a message.
struct Envelope {
    std::string key;     // idempotency key
    std::string thread;  // the key of the first message about the incident; `key` itself for the first
    std::string
        event;  // opened, reopened, worsened, eased, acknowledged, resolved, ignored, escalated, digest, test
    std::string route;  // may be empty
    Moment created_at = 0;
    bool by_digest = false;  // several incidents, because a route wants them in a digest
};

// What a message about one or several incidents is in this channel. No secrets. It may be kept, and is the
// same in all tries.
nlohmann::json MakePayload(const Channel& channel, const Envelope& envelope,
                           const std::vector<IncidentSummary>& summaries);

// The payload of a marked test.
nlohmann::json MakeTestPayload(const Channel& channel, const Envelope& envelope);

// The request that sends a payload: address, headers, secrets, signature of this moment.
http::Request MakeRequest(const Channel& channel, const Envelope& envelope, const nlohmann::json& payload,
                          Moment now);

}  // namespace pulse::delivery
