// The outbox: planning, composing and expiring messages. For entry code. All functions except Deliver() need
// an open pg::Session as pg::Identity::Owner().
#pragma once

#include <nlohmann/json.hpp>

#include "pulse/delivery/channel.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::delivery {

// A row of pulse.outbox that is about to be sent.
struct Message {
    int64_t id = 0;
    std::string key, channel, kind, event;
    std::optional<int64_t> incident, route;
    std::string order_key, fold_key;  // may be empty
    pg::Json payload;                 // null: not composed yet
    std::string state, thread;        // of a composed message about an incident
    int attempts = 0;
    Moment created_at = 0;
    std::vector<Attachment> attachments;  // read for each attempt
};

// ---- store_channel.cpp ----

// Throws UserError 42704 that lists the channels, 22023 if an option is missing.
Channel LoadChannel(const std::string& name);
[[noreturn]] void ThrowUnknownChannel(const std::string& name);

// ---- store_incident_summary.cpp ----

// Summaries of incidents in their current state, in the order given, without those that no longer exist.
// Diagnoses incidents without a diagnosis; with `keep`, and unless the transaction is read-only, saves it.
std::vector<IncidentSummary> LoadIncidentSummaries(const std::vector<int64_t>& incidents, bool keep = true);

// Reads a column with a JSON object as text; too large content is left out.
pg::Json ReadObject(const pg::Row& row, int column);

// ---- store_plan.cpp ----

// Turns up to `limit` notices into messages of routes, escalations and subscriptions; returns the number of
// notices.
int64_t PlanNotices(int64_t limit);

// ---- store_plan_feeds.cpp ----

struct PlannedFeeds {
    int64_t messages = 0;
    bool more = false;  // there are more events to plan now
    bool busy = false;  // another session holds back events at the moment
    bool full = false;  // a channel has its maximum of pending messages
};
// Turns events about single people into messages to subscriptions, up to a limit per transaction.
PlannedFeeds PlanFeeds();
// Whether there may be such events to plan.
bool FeedsPending();

// ---- store_outbox.cpp ----

// Wakes the delivery worker when the transaction commits.
void WakeDelivery();

// When there is something to send or to plan; INT64_MAX: never. `idle`: no worker is sending, so messages in
// status `sending` were left by a worker that died.
Moment NextMessage(bool idle);

// Marks up to `limit` messages as dead that were due before this time and whose channel was unavailable;
// returns their number.
int64_t ExpireMessages(Moment before, int64_t limit);

// ---- worker_deliver.cpp: outside any transaction ----

// The result of a run of the job: the number of messages sent, and a summary.
struct DeliveryRun {
    int64_t done = 0;
    std::string message;
};
// Sends due messages until the worker has been idle for a while.
DeliveryRun Deliver();

}  // namespace pulse::delivery
