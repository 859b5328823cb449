// Plans the messages for events of incidents: which channels, when, and which are sent together. Pure C++.
#pragma once

#include <map>
#include <set>
#include <tuple>

#include "pulse/delivery/route.hpp"
#include "pulse/delivery/incident_summary.hpp"

namespace pulse::delivery {

// A planned message, as it is inserted into the outbox.
struct Draft {
    std::string channel, kind, event;
    int64_t incident = 0;
    std::optional<int64_t> route;
    std::string order_key, fold_key;
    Moment send_at = 0;
    bool urgent = false;            // earlier messages of this channel about the incident are sent with it
    std::string cool_down_subject;  // it starts the cool-down of this subject; empty: none
};

class Planner {
  public:
    // `followers`: channels with incidents of their own, such as PagerDuty.
    Planner(std::vector<Route> routes, std::set<std::string> followers, Moment now)
        : routes_(std::move(routes)), followers_(std::move(followers)), now_(now) {}

    // An earlier alarm: when a route sent, or will send, it about a subject to a channel.
    void Remember(int64_t route, const std::string& channel, const std::string& subject, Moment last);
    // A route that has escalated an incident already.
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

// Why a message about an incident need not be sent to a channel; empty if it must be. `notified` is the last
// state that the channel received, if any.
std::string SkipReason(const std::string& event, const IncidentSummary& summary,
                       const std::optional<std::string>& notified, bool muted);

}  // namespace pulse::delivery
