// The content of a message about an incident, independent of any format. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/segment/member_words.hpp"

namespace pulse::delivery {

struct IncidentSummary {
    int64_t incident = 0;
    std::optional<int64_t> group;
    std::string subject;  // the name of the segment, table or event: any text
    bool is_table = false, is_event = false;
    std::string owner;  // may be empty
    std::string detector, attribute, severity, status, direction;
    std::optional<double> baseline, observed, change;
    bool counts_people = false;             // baseline and observed are members
    segment::MemberWords words;             // what they are called
    std::optional<int64_t> people_lost;     // if the size fell
    std::string summary;                    // the detector's sentence
    std::vector<std::string> what_changed;  // sentences
    Moment since = 0, opened_at = 0;
    std::optional<Moment> closed_at;
    std::string resolved_by;
    std::string cause;         // sentence of the most likely hypothesis
    std::string shared_cause;  // what the incidents of its group have in common, as a name; may be empty
    std::optional<double> confidence;                              // 0..1
    bool investigated = false;                                     // the cause comes from the agent
    std::string advice, advice_reason, advice_sql;                 // the first recommendation; may be empty
    std::vector<std::pair<std::string, std::string>> more_advice;  // priority, action
    std::string acknowledge_sql;                                   // the statement to run
    std::string url;                                               // link; may be empty

    // Recorded as sent; the same state is not sent to a channel twice.
    std::string State() const { return status + " " + severity; }
};

}  // namespace pulse::delivery
