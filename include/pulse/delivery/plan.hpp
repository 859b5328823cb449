// From what happened to messages that wait: who is told, when, and what waits together. Pure C++.
#pragma once

#include <map>
#include <set>
#include <tuple>

#include "pulse/delivery/route.hpp"
#include "pulse/delivery/incident_summary.hpp"

namespace pulse::delivery {

// A message to be, as it goes into the outbox.
struct Draft {
    std::string channel, kind, event;
    int64_t incident = 0;
    std::optional<int64_t> route;
    std::string order_key, fold_key;
    Moment send_at = 0;
    bool urgent = false;  // what waits longer in this channel about the same incident is told with it
    std::string cool_down_subject;  // the subject whose cool-down begins with it; empty: none
};

class Planner {
  public:
    // `followers`: channels that keep an incident of their own, as PagerDuty.
    Planner(std::vector<Route> routes, std::set<std::string> followers, Moment now)
        : routes_(std::move(routes)), followers_(std::move(followers)), now_(now) {}

    // What is known from before: when an alarm about a subject was, or will be, sent to a channel by a route.
    void Remember(int64_t route, const std::string& channel, const std::string& subject, Moment last);
    // That a route has its escalation of an incident already.
    void RememberEscalation(int64_t route, int64_t incident);

    void Take(const IncidentEvent& incident_event);
    const std::vector<Draft>& drafts() const { return drafts_; }

  private:
    Draft Plan(const Route& route, const std::string& channel, const IncidentEvent& incident_event) const;
    void Escalate(const Route& route, const IncidentEvent& incident_event, Moment notified_at);
    std::set<std::string> Receivers(const Route& route, const IncidentEvent& incident_event) const;

    std::vector<Route> routes_;
    std::set<std::string> followers_;
    Moment now_;
    std::map<std::tuple<int64_t, std::string, std::string>, Moment> last_;
    std::set<std::pair<int64_t, int64_t>> escalated_;
    std::vector<Draft> drafts_;
};

// Why there is nothing to tell a channel of an incident; empty: there is. `told` is the state it was told of
// last, if any.
std::string SkipReason(const std::string& event, const IncidentSummary& summary,
                       const std::optional<std::string>& notified, bool muted);

}  // namespace pulse::delivery
