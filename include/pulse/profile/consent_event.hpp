// What an event says about consent. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/base/json_value.hpp"

namespace pulse::profile {

// Names and meanings that depend on settings.
struct ConsentNames {
    struct Purpose {
        std::string name;
        std::vector<std::string> categories;
    };
    std::vector<Purpose> purposes;
    int tcf_vendor = 0;  // id in the global vendor list; 0: TC strings grant and refuse nothing
};

struct EventConsent {
    std::string purpose;
    bool granted = false;
    const char* source = "";   // consent, category, google, tcf, gpp, us_privacy, gpc
    std::string proof = "{}";  // a JSON object
};

struct EventConsents {
    std::vector<EventConsent> statements;  // one of each purpose: of several the refusal
    std::string note;                      // what could not be used, in sentences
};

// The places of an event: `consent` of its context, `consent` of the event itself, and `gpc` of its context.
// Never throws because of what they contain; what cannot be read grants nothing.
EventConsents ReadEventConsent(const json::Reader& reader, const json::Value& in_context,
                               const json::Value& of_event, const json::Value& gpc,
                               const ConsentNames& names);

}  // namespace pulse::profile
