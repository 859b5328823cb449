// Saved funnels, and reading funnels. For entry code of this room.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pulse/insight/funnel_definition.hpp"

namespace pulse::insight {

// ---- store_funnel.cpp: all need a pg::Session as pg::Identity::Owner() ----

struct SavedFunnel {
    int64_t id = 0;
    std::string name;
    FunnelDefinition definition;
    int version = 1;
    std::optional<std::string> description;
    std::string created_by;
    Moment created_at = 0, updated_at = 0;
    bool monitored = false;
};

// Throws UserError 42704 with similar names.
SavedFunnel LoadFunnel(const std::string& name);
// The same; nobody else changes, deletes or monitors it until the transaction ends.
SavedFunnel LockFunnel(const std::string& name);
std::vector<SavedFunnel> ListFunnels();

int64_t CreateFunnel(const std::string& name, const FunnelDefinition& definition,
                     const std::optional<std::string>& description, const std::string& actor);
struct FunnelChange {
    std::optional<FunnelDefinition> definition;
    std::optional<std::string> description;  // empty: none any more
    std::optional<std::string> name;
};
// Returns the version.
int32_t UpdateFunnel(const std::string& name, const FunnelChange& change, const std::string& actor);
void DeleteFunnel(const std::string& name);

// ---- store_funnel_monitor.cpp ----

// Watch a funnel by one segment for each step but the last, of the people who began on the day before.
// Returns the number of segments. Not within a session: the segments run with the rights of the caller.
int32_t MonitorFunnel(const std::string& name, const std::optional<std::vector<std::string>>& attributes,
                      int64_t within);
// Returns the number of segments deleted.
int32_t UnmonitorFunnel(const std::string& name);

struct FunnelMember {
    std::string member;
    bool converted = false;
    std::vector<std::string> values;
};
// The members of such a segment, now. Needs the owner's session.
void ReadFunnelCohort(int64_t funnel, int64_t step, const std::vector<std::string>& attributes,
                      int64_t within, const std::function<void(const FunnelMember&)>& add);

// ---- store_funnel_read.cpp: likewise ----

// Prepare the queries of a funnel: segments, patterns, settings of the planner until the end of the session.
struct FunnelQuery;
FunnelQuery PrepareFunnel(const FunnelDefinition& funnel);

// Check the patterns of rules and the segments that a funnel names. Throws UserError.
void CheckFunnel(const FunnelDefinition& funnel);

struct FunnelRate {
    std::optional<double> rate, low, high;  // none without people; 95 % by Wilson
};
struct FunnelStepRow {
    std::optional<std::string> value;
    size_t step = 1;
    std::string name;
    int64_t people = 0;
    FunnelRate from_start, from_previous;
    std::optional<int64_t> median, p90;  // microseconds from the step before
    int64_t dropped = 0, waiting = 0;
    bool hidden = false;  // fewer than 10 people began
};
// `all_values`: also those of fewer than 10 people.
std::vector<FunnelStepRow> SummarizeFunnel(const FunnelDefinition& funnel, bool all_values);

struct FunnelPeople {
    size_t step = 1;
    bool dropped = false;              // went no further; else all who reached the step
    std::optional<std::string> value;  // of the breakdown
    int64_t max = 100;
    std::optional<int64_t> after;
};
struct FunnelPersonRow {
    int64_t profile = 0;
    std::optional<std::string> user_id, value;
    size_t reached = 0;
    bool waiting = false;
    Moment entered_at = 0, reached_at = 0;  // reached_at: the step asked for
};
std::vector<FunnelPersonRow> ListFunnelPeople(const FunnelDefinition& funnel, const FunnelPeople& which);

struct FunnelJourney {
    size_t reached = 0;
    bool waiting = false;
    std::optional<std::string> value;
    std::vector<Moment> times;  // by step, as many as reached
};
std::vector<FunnelJourney> FunnelJourneys(const FunnelDefinition& funnel, int64_t person);

}  // namespace pulse::insight
