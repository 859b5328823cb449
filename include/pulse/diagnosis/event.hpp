// The input of a diagnosis of an incident about events, and the diagnosis. Room insight has collected the
// facts when the incident opened. Pure C++ and deterministic.
#pragma once

#include "pulse/diagnosis/diagnosis.hpp"

namespace pulse::diagnosis {

struct EventDiagnosisInput {
    int64_t incident = 0;
    std::string event, detector, attribute, severity, status, direction, summary;
    std::optional<double> baseline, observed;
    Moment since = 0, opened_at = 0, last_seen_at = 0;
    nlohmann::json details;         // of the incident
    std::vector<int64_t> together;  // other incidents of its group
    std::string verbs;              // prefix of Pulse's functions in recommended SQL
};

Diagnosis DiagnoseEvent(const EventDiagnosisInput& input);

}  // namespace pulse::diagnosis
