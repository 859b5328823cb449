// Opt-outs under the laws of US states: IAB's Global Privacy Platform string, and its predecessor, the US
// privacy string. Pure C++. Source: IAB Tech Lab, "Consent String Specification" and the sections 7 to 27
// (2024).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::profile {

struct GppSignals {
    // Of sale, of sharing or of targeted advertising, in any section, or by Global Privacy Control; each
    // section that says so, as in usca.
    std::vector<std::string> opted_out;
    std::vector<int> sections;       // that were read
    std::optional<std::string> tcf;  // the TC string of section 2
};

// Returns nothing and sets `problem` if it cannot be read. A section that cannot be read sets it, too; an
// opt-out in another one still counts. Sections of other kinds are passed over.
std::optional<GppSignals> ReadGpp(std::string_view text, std::string& problem);

// "1YNN": whether the person opted out of sale. Nothing if it is no such string.
std::optional<bool> ReadUsPrivacy(std::string_view text);

}  // namespace pulse::profile
