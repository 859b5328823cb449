// The outbox: from what happened to what was sent. For entry code. Everything but Deliver()
// needs an open pg::Session as pg::Identity::Owner().
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
    pg::Json payload;                 // null: not made yet
    std::string state, thread;        // of an incident's message, once it is made
    int attempts = 0;
    Moment created_at = 0;
};

// ---- store_channel.cpp ----

// Throws UserError 42704 that lists the channels, 22023 when an option is missing.
Channel LoadChannel(const std::string& name);

// ---- store_incident_summary.cpp ----

// What there is to say about incidents as they are now, in the order given; those that are gone are left out.
// Those without a diagnosis get one, which with `keep` is kept where anything can be written.
std::vector<IncidentSummary> LoadIncidentSummaries(const std::vector<int64_t>& incidents, bool keep = true);

// A JSON object that a query gives as text, and in column `utf8` as bytes where the database's encoding is
// one that can be turned into UTF-8. Whatever is in it, the reading does not fail: bad bytes are replaced,
// and what is too large is left out.
pg::Json ReadObject(const pg::Row& row, int text, int utf8);

// ---- store_plan.cpp ----

// Turns up to `limit` notices into messages of routes, escalations and subscriptions, and returns how many
// were taken.
int64_t PlanNotices(int64_t limit);

// ---- store_plan_members.cpp ----

struct PlannedMembers {
    int64_t messages = 0;
    bool more = false;  // there are more to be planned at once
    bool busy = false;  // somebody holds others back for a moment
    bool full = false;  // a channel has as many messages as may wait in it
};
// Turns changes of who is in which segment into messages of the subscriptions that want them: as many as one
// transaction should write.
PlannedMembers PlanMembers();
// Whether there are any to look at.
bool MembersPending();

// ---- store_outbox.cpp ----

// Wakes the delivery worker when the transaction commits.
void WakeDelivery();

// When there is something to send or to plan; INT64_MAX: nothing. `idle`: nobody is sending, so what is under
// way was left behind by a worker that died.
Moment NextMessage(bool idle);

// Gives up to `limit` messages up that were due before that moment, as their channel could not be used;
// returns how many.
int64_t ExpireMessages(Moment before, int64_t limit);

// ---- worker_deliver.cpp: outside any transaction ----

// What a run of the job did: how many messages were sent, and a sentence.
struct DeliveryRun {
    int64_t done = 0;
    std::string message;
};
// Sends what is due until nothing has been for a while.
DeliveryRun Deliver();

}  // namespace pulse::delivery
