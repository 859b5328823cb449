// Makes the payload for each kind of channel from incident summaries, within the limits of the platform. Pure
// C++ and deterministic: the same message has the same payload.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/delivery/channel.hpp"
#include "pulse/http/request.hpp"
#include "pulse/delivery/incident_summary.hpp"
#include "pulse/delivery/mime.hpp"

namespace pulse::delivery {

// The data of a message itself.
struct Envelope {
    std::string key;     // idempotency key
    std::string thread;  // the key of the first message about the incident; `key` itself for the first
    std::string
        event;  // opened, reopened, worsened, eased, acknowledged, resolved, ignored, escalated, digest, test
    std::string route;  // may be empty
    Moment created_at = 0;
    bool by_digest = false;  // several incidents, because the route sends digests
};

// The payload of a message about one or several incidents, without secrets. It is stored and used for all
// attempts.
nlohmann::json MakePayload(const Channel& channel, const Envelope& envelope,
                           const std::vector<IncidentSummary>& summaries);

// The payload of a marked test.
nlohmann::json MakeTestPayload(const Channel& channel, const Envelope& envelope);

// The request that sends a payload: URL, headers, secrets, and a signature with the current time.
// Mails carry the attachments; other channels have none.
http::Request MakeRequest(const Channel& channel, const Envelope& envelope, const nlohmann::json& payload,
                          Moment now, const std::vector<Attachment>& attachments = {});

}  // namespace pulse::delivery
