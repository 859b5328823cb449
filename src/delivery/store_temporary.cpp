// Stands in for what is written in other rooms of this house until it comes; anything stronger takes its place.
#include "pulse/delivery/store.hpp"
#include "pulse/pg/foreign.hpp"
namespace pulse::delivery {
__attribute__((weak)) Channel LoadChannel(const std::string& name) {
    auto s = pg::FindServer("pulse_channel", name);
    if (!s) throw UserError("42704", "channel \"" + name + "\" does not exist");
    return MakeChannel(name, s->options, s->mapping);
}
__attribute__((weak)) int64_t PlanNotices(int64_t) { return static_cast<int64_t>(pg::Execute("DELETE FROM pulse.notice").processed()); }
__attribute__((weak)) std::optional<std::string> Compose(Message& m, const Channel&) { m.payload = {{"made", m.event}}; pg::Execute("UPDATE pulse.outbox SET payload = $2, state='open high' WHERE id = $1", {pg::Value::Int8(m.id), pg::Value::Jsonb(m.payload)}); return {}; }
__attribute__((weak)) Request MakeRequest(const Channel& channel, const Envelope& envelope, const nlohmann::json& payload, Moment) {
    Request r; r.url = options::Value(channel.mapping, "url").value_or(""); r.body = payload.dump();
    r.headers = {{"content-type", "application/json"}, {"webhook-id", envelope.key}};
    return r;
}
__attribute__((weak)) Burst Investigate() { return {}; }
}
