// Payloads of messages that are about no incident: a title, a sentence or two, and figures. Pure C++.
#pragma once

#include <nlohmann/json.hpp>

#include "pulse/delivery/payload.hpp"

namespace pulse::delivery {

struct TextMessage {
    std::string title, text;
    nlohmann::json data;  // an object: what a webhook gets besides
    // What mails have instead of `text`: text, and HTML without any markup of users. Empty: they have `text`.
    std::string mail_text = {}, mail_html = {};
};

// Throws UserError 0A000 for PagerDuty, which only takes alarms.
nlohmann::json MakeTextPayload(const Channel& channel, const Envelope& envelope, const TextMessage& message);

}  // namespace pulse::delivery
