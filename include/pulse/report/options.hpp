// The options of pulse_report(). Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::report {

// The sections of a report, in their order.
const std::vector<std::string>& SectionNames();

struct ReportOptions {
    // Names, or patterns in which * stands for anything; empty: all.
    std::vector<std::string> segments;
    // Set if the segments are chosen, even if that is none.
    bool chosen = false;
    std::vector<std::string> sections = SectionNames();
    std::string title;      // empty: the default
    std::string time_zone;  // empty: pulse.timezone
    int limit = 20;         // rows of each list

    bool Has(const std::string& section) const;
};

// Throws UserError 22023 that lists what is valid.
ReportOptions ParseReportOptions(const nlohmann::json& options);

// Whether a name matches a pattern: * stands for any number of characters.
bool Matches(std::string_view pattern, std::string_view name);

// The names that the patterns choose, in the order of names. Throws UserError 42704 for a pattern that
// chooses none.
std::vector<std::string> ChooseSegments(const std::vector<std::string>& patterns,
                                        const std::vector<std::string>& names);

struct Period {
    Moment from = 0, until = 0;

    // The period of the same length before it.
    Moment before() const { return from - (until - from); }
};

// The period of a report: the last seven days until now by default. Throws UserError 22023.
Period ReportPeriod(const std::optional<Moment>& from, const std::optional<Moment>& until, Moment now);

}  // namespace pulse::report
