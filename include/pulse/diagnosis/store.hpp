// Loads the input of a diagnosis and stores the diagnosis. For entry code of this room.
#pragma once

#include "pulse/diagnosis/event.hpp"
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/diagnosis/table.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// The time for questions to the sources of all incidents that one call diagnoses, from the settings.
class QuestionTime {
  public:
    QuestionTime();
    // What is left for the next incident, in milliseconds.
    int ForIncident() const;
    void Spend(int milliseconds);

  private:
    int left_;
};

// Diagnose one incident. Without `time` from what is stored alone (snapshots and results of checks); else the
// source is asked, too. With `keep` the result is stored with it, and incidents of other segments with the
// same cause join its group; the caller must have the right to change incidents. Throws UserError 42704 for
// an unknown incident.
Diagnosis DiagnoseIncident(int64_t incident, bool keep, QuestionTime* time);

// ---- store_table.cpp: inside this room; needs a session of the owner ----

// Load the input for an incident of a monitored table; empty when it is about a segment, or unknown.
std::optional<TableDiagnosisInput> LoadTableDiagnosisInput(int64_t incident);
// Load the input for an incident of events; empty when it is about something else, or unknown.
std::optional<EventDiagnosisInput> LoadEventDiagnosisInput(int64_t incident);
// The incidents, live at that moment, of the tables that a definition reads; late and empty tables first.
std::vector<TableIncident> SourceTableIncidents(const nlohmann::json& definition,
                                                const std::string& search_path, Moment since);

// ---- store_source.cpp ----

// Ask the segment's source what its snapshots leave open, with the rights of the role that created its
// definition; not from a session of the owner. Without an answer the input stays as it is; what there was no
// time for is named in it.
void AskSource(DiagnosisInput& input, QuestionTime& time);

// Load the input for a segment's incident; needs a session of the owner. Throws UserError 42704 for an
// unknown incident.
DiagnosisInput LoadDiagnosisInput(int64_t incident);

// ---- store_segment_use.cpp ----

// The segments, or the one of that name, that nobody uses and nobody has worked with for pulse.unused_after,
// by name; needs a session of the owner.
std::vector<UnusedSegment> FindUnusedSegments(const std::optional<std::string>& name);

// ---- store.cpp ----

// The live incidents, oldest first.
std::vector<int64_t> LiveIncidents();

// The group an incident belongs to, or nothing.
std::optional<int64_t> GroupOf(int64_t incident);

}  // namespace pulse::diagnosis
