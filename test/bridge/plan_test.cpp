// Runs the steps of the delivery worker before sending, one at a time.
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"

namespace pg = pulse::pg;
namespace delivery = pulse::delivery;

namespace {

delivery::Message ReadMessage(int64_t id) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.outbox SET attempts = attempts + 1 WHERE id = $1 AND status = 'pending' "
        "RETURNING key, channel, kind, event, incident_id, route_id, coalesce(order_key, ''), "
        "coalesce(fold_key, ''), created_at",
        {pg::Value::Int8(id)});
    if (rows.empty()) throw pulse::UserError(pulse::sqlstate::kUndefinedObject, "no such message waits");
    delivery::Message message;
    message.id = id;
    message.key = rows[0].Text(0);
    message.channel = rows[0].Text(1);
    message.kind = rows[0].Text(2);
    message.event = rows[0].Text(3);
    message.incident = rows[0].Int8OrNull(4);
    message.route = rows[0].Int8OrNull(5);
    message.order_key = rows[0].Text(6);
    message.fold_key = rows[0].Text(7);
    message.created_at = rows[0].Time(8);
    return message;
}

delivery::Channel ReadChannel(const std::string& name) {
    delivery::Channel channel;
    channel.name = name;
    const auto server = pg::FindServer("pulse_channel", name);
    if (server && pulse::options::Value(server->options, "kind") == "pagerduty")
        channel.kind = delivery::ChannelKind::kPagerduty;
    return channel;
}

// A kind of messages for the tests only.
std::optional<std::string> ComposeSurvey(delivery::Message& message, const delivery::Channel& channel) {
    return message.event + " of a survey is not for " + channel.name;
}

[[maybe_unused]] const bool registered = delivery::RegisterMessageKind({"survey", ComposeSurvey, nullptr});

}  // namespace

PULSE_FUNCTION(bridge_plan_notices) {
    const int64_t limit = pg::Args(fcinfo).RequireInt8(0, "limit");
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    return Int64GetDatum(delivery::PlanNotices(limit));
}

PULSE_FUNCTION(bridge_plan_feeds) {
    pg::ResultSet results(fcinfo);
    const pg::Identity owner = pg::Identity::Owner();
    const pg::Session session;
    const delivery::PlannedFeeds planned = delivery::PlanFeeds();
    results.Add({pg::Value::Int8(planned.messages), pg::Value::Bool(planned.more),
                 pg::Value::Bool(planned.busy), pg::Value::Bool(planned.full),
                 pg::Value::Bool(delivery::FeedsPending())});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(bridge_compose_message) {
    const int64_t id = pg::Args(fcinfo).RequireInt8(0, "message");
    std::optional<std::string> reason;
    {
        const pg::Identity owner = pg::Identity::Owner();
        const pg::Session session;
        delivery::Message message = ReadMessage(id);
        reason = delivery::Compose(message, ReadChannel(message.channel));
    }
    if (!reason) PG_RETURN_NULL();
    return pg::FromText(*reason);
}
