// The definition of a funnel as JSON. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

#include "pulse/insight/funnel.hpp"
#include "pulse/rule/ast.hpp"

namespace pulse::insight {

// A length of time as it was written, such as "30 days".
struct FunnelSpan {
    std::string text;
    int64_t length = 0;  // microseconds
};

// Which events: a name, and a rule over the event.
struct FunnelCondition {
    std::string event;
    rule::ExprPtr where;  // nullptr: all of that name
};

struct FunnelStep : FunnelCondition {
    std::string name;                  // shown; the event's unless given
    std::optional<FunnelSpan> within;  // from the step before
};

struct FunnelExcluded : FunnelCondition {
    size_t after = 1, before = 2;  // steps, counted from 1
};

// What the people of a funnel are divided by.
struct FunnelBreakdown {
    enum class Kind { kNone, kProfile, kAccount, kProperty, kContext, kSource, kSegment };
    Kind kind = Kind::kNone;
    std::vector<std::string> path;  // of kProfile, kAccount, kProperty, kContext
    std::string segment;
    std::string text;  // as it is written

    // Whether the event of a step has it, not the person.
    bool OfEvent() const {
        return kind == Kind::kProperty || kind == Kind::kContext || kind == Kind::kSource;
    }
};

struct FunnelDefinition {
    std::vector<FunnelStep> steps;
    std::vector<FunnelExcluded> exclude;
    FunnelSpan window{"30 days", 30 * kDay};
    std::optional<FunnelSpan> step_timeout;
    FunnelOrder order = FunnelOrder::kIncreasing;
    FunnelEntry entry = FunnelEntry::kFirst;
    std::string hold;                    // as it is written; empty: none
    std::vector<std::string> hold_path;  // a property
    std::optional<Moment> since, until;  // of step 1
    FunnelBreakdown by;
    size_t by_step = 1;
    std::string segment;  // whose members are followed; empty: everybody
    bool per_session = false;
    std::optional<FunnelSpan> session_gap;
};

// Read and check a definition, also with the names that Stratum uses. Throws UserError that names the place.
FunnelDefinition ReadFunnel(const nlohmann::json& json);
// Write it in canonical form; ReadFunnel(FunnelToJson(d)) is d.
nlohmann::json FunnelToJson(const FunnelDefinition& definition);
// "profile.country", "account.plan", "properties.platform", "context.app.version", "source", segment("Name").
FunnelBreakdown ReadBreakdown(const std::string& text);

// Throws UserError unless the dates are in order.
void CheckDates(const FunnelDefinition& definition);

// The name of a funnel without blanks around it. Throws UserError if it is empty, too long or like JSON.
std::string CheckFunnelName(const std::string& name);

FunnelPlan PlanOf(const FunnelDefinition& definition, Moment now);

}  // namespace pulse::insight
