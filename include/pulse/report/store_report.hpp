// Reads what a report says. For entry code.
#pragma once

#include "pulse/report/figures.hpp"

namespace pulse::report {

// The figures of a period (empty: the default) as the current role may see them, in the snapshot of the
// current statement. Opens its own sessions. Throws UserError 22023, 42704.
Figures ReadFigures(const ReportOptions& options, const std::optional<Moment>& since,
                    const std::optional<Moment>& until);

// ---- inside this room; with a session as the role that sees ----

// Why the role does not see a relation; empty if it may read it.
std::string WhyHidden(const std::string& relation);
void ReadSegments(Figures& figures, const std::optional<std::vector<std::string>>& chosen);
void ReadIncidents(Figures& figures, const std::optional<std::vector<std::string>>& chosen);
void ReadTables(Figures& figures);
void ReadEvents(Figures& figures);
void ReadAudiences(Figures& figures, const std::optional<std::vector<std::string>>& chosen);
void ReadTrust(Figures& figures);
void ReadMessages(Figures& figures);
void ReadMission(Figures& figures, const std::optional<std::vector<std::string>>& chosen);

// Adds the diagnoses of the worst incidents; with a session of the owner.
void ExplainIncidents(Figures& figures);

}  // namespace pulse::report
