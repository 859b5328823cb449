#include "pulse/delivery/plan.hpp"

#include <algorithm>

namespace pulse::delivery {

namespace {

std::string KeyOf(int64_t incident) {
    return "incident:" + std::to_string(incident);
}

// When an alarm that follows another one may be sent: together with a pending one, or after the cool-down.
Moment AfterCoolDown(Moment moment, Moment last, int64_t cool_down) {
    return std::max(moment, moment < last ? last : last + cool_down);
}

bool IsCritical(const IncidentEvent& incident_event) {
    return Rank(IsAlarm(incident_event.event) ? incident_event.severity : incident_event.worst) >= kCritical;
}

}  // namespace

void Planner::Remember(int64_t route, const std::string& channel, const std::string& subject, Moment last) {
    Moment& known = last_.try_emplace({route, channel, subject}, last).first->second;
    known = std::max(known, last);
}

void Planner::RememberEscalation(int64_t route, int64_t incident) {
    escalated_.emplace(route, incident);
}

// The channels of an escalation also receive later events. If the escalation was not sent, SkipReason()
// cancels these messages.
std::set<std::string> Planner::Receivers(const Route& route, const IncidentEvent& incident_event) const {
    std::set<std::string> receivers;
    std::vector<std::string> all = route.channels;
    if (!IsAlarm(incident_event.event))
        all.insert(all.end(), route.escalate_to.begin(), route.escalate_to.end());
    for (const std::string& channel : all)
        if (Wants(route, incident_event, followers_.contains(channel))) receivers.insert(channel);
    return receivers;
}

Draft Planner::Plan(const Route& route, const std::string& channel,
                    const IncidentEvent& incident_event) const {
    const bool alarm = IsAlarm(incident_event.event), critical = IsCritical(incident_event);
    Draft draft{channel,
                "incident",
                incident_event.event,
                incident_event.incident,
                route.id,
                KeyOf(incident_event.incident),
                "",
                now_ + (alarm ? route.group_wait : 0),
                alarm || IsClosing(incident_event.event),
                ""};
    const std::string key = route.id ? "route:" + std::to_string(*route.id) : "";
    if (alarm && route.id && route.cool_down > 0) {
        draft.cool_down_subject = incident_event.subject;
        const auto last = last_.find({*route.id, channel, incident_event.subject});
        if (last != last_.end() && !critical) {
            const Moment earliest = AfterCoolDown(draft.send_at, last->second, route.cool_down);
            if (earliest > draft.send_at) draft.fold_key = key + ":cool:" + incident_event.subject;
            draft.send_at = earliest;
        }
    }
    if (route.digest != Digest::kNone) {
        const Moment after = std::max(now_, draft.send_at - route.group_wait);
        draft.send_at = route.digest == Digest::kHourly ? NextFullHour(after, route.offset)
                                                        : NextTimeOfDay(route.digest_at, after, route.offset);
        draft.fold_key = key + ":digest";
    }
    if (route.quiet && !critical)
        if (const auto end = QuietUntil(*route.quiet, draft.send_at, route.offset)) {
            draft.send_at = *end;
            if (route.digest == Digest::kNone) draft.fold_key = key + ":quiet";
        }
    return draft;
}

void Planner::Escalate(const Route& route, const IncidentEvent& incident_event, Moment notified_at) {
    if (!route.id || !route.escalate_after || route.escalate_to.empty()) return;
    const bool first = escalated_.emplace(*route.id, incident_event.incident).second;
    if (!first && incident_event.event == "worsened") return;
    // The time to acknowledge begins when the alarm is sent, if that is much later.
    const bool waits = notified_at > now_ + route.group_wait;
    Moment send_at = (waits ? notified_at : incident_event.noted_at) + *route.escalate_after;
    if (route.quiet && !IsCritical(incident_event))
        send_at = QuietUntil(*route.quiet, send_at, route.offset).value_or(send_at);
    for (const std::string& channel : std::set(route.escalate_to.begin(), route.escalate_to.end())) {
        // A separate order key, so that no other message waits for it.
        const std::string key = "escalation:" + std::to_string(incident_event.incident);
        const bool planned = std::any_of(drafts_.begin(), drafts_.end(), [&](const Draft& other) {
            return other.kind == "escalation" && other.channel == channel && other.order_key == key &&
                   other.send_at == send_at;
        });
        if (!planned)
            drafts_.push_back({channel, "escalation", "escalated", incident_event.incident, route.id, key, "",
                               send_at, false, ""});
    }
}

void Planner::Take(const IncidentEvent& incident_event) {
    std::map<std::string, Draft> chosen;  // by channel: the earliest message is enough
    for (const Route& route : routes_) {
        std::optional<Moment> notified_at;
        for (const std::string& channel : Receivers(route, incident_event)) {
            const Draft draft = Plan(route, channel, incident_event);
            notified_at = notified_at ? std::min(*notified_at, draft.send_at) : draft.send_at;
            const auto [place, added] = chosen.try_emplace(channel, draft);
            if (!added && draft.send_at < place->second.send_at) place->second = draft;
        }
        if (IsAlarm(incident_event.event) && IsAbout(route, incident_event))
            Escalate(route, incident_event, notified_at.value_or(now_));
    }
    for (const auto& [channel, draft] : chosen) {
        if (!draft.cool_down_subject.empty())
            Remember(*draft.route, channel, draft.cool_down_subject, draft.send_at);
        drafts_.push_back(draft);
    }
}

std::string SkipReason(const std::string& event, const IncidentSummary& summary,
                       const std::optional<std::string>& notified, bool muted) {
    const bool closed = IsClosing(summary.status);
    if (!notified && closed) return "the incident was closed before it was sent";
    if (event == "escalated") {
        if (summary.status != "open") return "the incident is " + summary.status;
        return muted ? "alarms about the incident are muted" : "";
    }
    if (notified && *notified == summary.State()) return "this state was sent before";
    const size_t blank = notified ? notified->find(' ') : std::string::npos;
    const std::string notified_status = notified ? notified->substr(0, blank) : "";
    const int notified_rank = blank == std::string::npos ? -1 : Rank(notified->substr(blank + 1));
    if (IsAlarm(event)) {
        if (muted) return "alarms about the incident are muted";
        if (closed) return "the incident has been closed";
        if (notified && !IsClosing(notified_status) && notified_rank >= Rank(summary.severity))
            return "the same or a higher severity was sent before";
        return "";
    }
    if (!notified) return "the channel was not notified of the incident";
    if (IsClosing(event)) return closed ? "" : "the incident is " + summary.status + " again";
    if (event == "acknowledged")
        return summary.status == "acknowledged" ? "" : "the incident is " + summary.status;
    if (event == "eased" && (closed || notified_rank <= Rank(summary.severity)))
        return "the severity is not lower than the one sent before";
    return "";
}

}  // namespace pulse::delivery
