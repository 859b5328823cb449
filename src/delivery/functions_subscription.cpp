// Subscriptions: a channel of kind webhook, and a row with the events that it receives.
#include <algorithm>
#include <nlohmann/json.hpp>

#include <openssl/evp.h>

#include "pulse/audit/store.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/delivery/channel.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/feed.hpp"
#include "pulse/delivery/sign.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/delivery/store_route_edit.hpp"
#include "pulse/http/require_tls.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/random.hpp"

namespace pulse::delivery {

namespace {

using pg::Value;

constexpr int kSecretBytes = 32;

// As Standard Webhooks write it.
std::string NewSecret() {
    const std::string bytes = pg::RandomBytes(kSecretBytes);
    std::string text(4 * ((kSecretBytes + 2) / 3) + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()), kSecretBytes);
    text.resize(static_cast<size_t>(length));
    return "whsec_" + text;
}

std::string NewName() {
    std::string name = "subscription_";
    for (const char byte : pg::RandomBytes(6)) {
        constexpr const char* kDigits = "0123456789abcdef";
        name += kDigits[(byte >> 4) & 15];
        name += kDigits[byte & 15];
    }
    return name;
}

// Each event once, in canonical order.
std::vector<std::string> CheckEvents(const std::optional<std::vector<std::string>>& events) {
    const std::vector<std::string>& valid = SubscriptionEvents();
    if (!events) return DefaultEvents();
    for (const std::string& event : *events)
        if (std::find(valid.begin(), valid.end(), event) == valid.end())
            throw UserError(sqlstate::kInvalidParameter, "unknown event \"" + event.substr(0, 100) + "\"", "",
                            SuggestName(event.substr(0, 100), valid, "Events"));
    if (events->empty())
        throw UserError(sqlstate::kInvalidParameter, "a subscription needs an event", "",
                        ListNames(valid, "Events", [](std::string_view name) { return std::string(name); }) +
                            " Leave \"events\" out for the first four.");
    std::vector<std::string> wanted;
    for (const std::string& event : valid)
        if (std::find(events->begin(), events->end(), event) != events->end()) wanted.push_back(event);
    return wanted;
}

// Only segments over people have segment.entered and segment.exited: a subscription to nothing else would
// never receive anything.
void RequirePeople(const std::vector<std::string>& segments) {
    const pg::Result rows = pg::Execute(
        "SELECT name, kind FROM pulse.segment WHERE name = ANY ($1) AND kind <> 'profile' ORDER BY name"
        " LIMIT 1",
        {Value::Texts(segments)});
    if (!rows.empty())
        throw UserError(
            sqlstate::kInvalidParameter, "segment \"" + rows[0].Text(0) + "\" is not over people",
            "Its kind is " + rows[0].Text(1) + ", which has no segment.entered and segment.exited events.",
            "Name segments over people; for others, snapshot.taken has the numbers of members that entered and "
            "left.");
}

// The other events would never be sent.
void RequireAboutSegments(const std::vector<std::string>& events) {
    const auto other = std::find_if(events.begin(), events.end(), [](const std::string& event) {
        const std::vector<std::string>& registered = RegisteredEventNames();
        return (AreAboutPeople({event}) && !event.starts_with("segment.")) ||
               std::find(registered.begin(), registered.end(), event) != registered.end();
    });
    if (other != events.end())
        throw UserError(sqlstate::kInvalidParameter, "\"" + *other + "\" is not about a segment", "",
                        "Leave \"segments\" out, or subscribe twice.");
}

void CheckSegments(const std::optional<std::vector<std::string>>& segments,
                   const std::vector<std::string>& events) {
    const pg::OwnerSession session;
    RequireSegments(segments);
    if (!segments || segments->empty()) return;
    RequireAboutSegments(events);
    const bool members_only = std::all_of(events.begin(), events.end(),
                                          [](const std::string& event) { return AreAboutPeople({event}); });
    if (members_only) RequirePeople(*segments);
}

void Keep(const std::string& name, const std::vector<std::string>& events,
          const std::vector<std::string>& segments, const std::string& creator) {
    const pg::OwnerSession session;
    // A channel that was dropped by hand leaves its row.
    pg::Execute(
        "INSERT INTO pulse.subscription (channel, events, segments, created_by)"
        " VALUES ($1, $2, nullif($3, '{}'), $4) "
        "ON CONFLICT (channel) DO UPDATE SET events = excluded.events, segments = excluded.segments, "
        "created_by = excluded.created_by, created_at = now(), rotated_at = NULL",
        {Value::Text(name), Value::Texts(events), Value::Texts(segments), Value::Text(creator)});
    for (const Feed& feed : Feeds()) (feed.OffersAnyOf(events) ? feed.begin : feed.end)(name);
}

[[noreturn]] void ThrowUnknownSubscription(const std::string& name) {
    const pg::Result names =
        pg::Execute("SELECT coalesce(array_agg(channel ORDER BY channel), '{}') FROM pulse.subscription");
    throw UserError(sqlstate::kUndefinedObject, "subscription \"" + name + "\" does not exist", "",
                    names[0].Texts(0).empty()
                        ? std::string("There are no subscriptions yet; create one with pulse_subscribe().")
                        : SuggestName(name, names[0].Texts(0), "Subscriptions"));
}

// Deletes the subscription and cancels its pending messages; returns whether its channel still exists.
bool Forget(const std::string& name) {
    const pg::OwnerSession session;
    // Waits for a worker that is planning messages for it; these are then cancelled with the others.
    for (const Feed& feed : Feeds()) feed.end(name);
    if (pg::Execute("DELETE FROM pulse.subscription WHERE channel = $1", {Value::Text(name)}).processed() ==
        0)
        ThrowUnknownSubscription(name);
    ReleaseAfter(pg::Execute(
        "UPDATE pulse.outbox SET status = 'cancelled', error = 'the subscription was ended', finished_at ="
        " clock_timestamp(), "
        "waits = false WHERE channel = $1 AND status = 'pending' AND kind = 'event' RETURNING id",
        {Value::Text(name)}));
    return pg::FindServer("pulse_channel", name).has_value();
}

struct CreatedSubscription {
    std::string name;
    std::optional<std::string> secret;  // if generated
};

CreatedSubscription Subscribe(const pg::Args& args) {
    const std::string url = args.RequireText(0, "url");
    const std::vector<std::string> events = CheckEvents(args.Texts(1));
    const std::optional<std::string> given = args.Text(2);
    const std::optional<std::vector<std::string>> segments = args.Texts(4);
    CheckSegments(segments, events);
    CreatedSubscription made{args.Text(3).value_or(NewName()),
                             given ? std::nullopt : std::optional(NewSecret())};
    const std::string creator = pg::ActorName();
    pg::Json options = {{"kind", "webhook"}, {"url", url}, {"secret", given ? *given : *made.secret}};
    if (const auto signature = args.Text(5)) options["signature"] = *signature;
    http::RequireTls(options, pg::settings::allow_http);
    pg::CreateServer("subscription", made.name, "pulse_channel", ChannelOptions(), options, "");
    Keep(made.name, events, segments.value_or(std::vector<std::string>()), creator);
    return made;
}

[[noreturn]] void ThrowNoChannel(const std::string& name, bool server) {
    throw UserError(sqlstate::kNotReady, "subscription \"" + name + "\" has no channel any more",
                    server ? "The user mapping of its server was dropped." : "Its server was dropped.",
                    "End it with pulse_unsubscribe() and create another one.");
}

// What a subscription is to become; empty leaves it.
struct SubscriptionChange {
    std::optional<std::string> url;
    std::optional<std::vector<std::string>> events, segments;  // no segment: any
    std::optional<bool> enabled;
};

void SetUrl(const pg::ForeignServer& server, const std::string& url) {
    http::RequireTls({{"kind", "webhook"}, {"url", url}}, pg::settings::allow_http);
    options::List mapping = server.mapping;
    std::erase_if(mapping, [](const auto& option) { return option.first == "url"; });
    mapping.emplace_back("url", url);
    pg::SetMapping(server, mapping);
}

// A feed that it did not have begins now; one that goes on keeps its place.
void SetEvents(const std::string& name, const std::vector<std::string>& before,
               const std::vector<std::string>& events) {
    for (const Feed& feed : Feeds()) {
        const bool had = feed.OffersAnyOf(before), has = feed.OffersAnyOf(events);
        if (has && !had) feed.begin(name);
        if (had && !has) feed.end(name);
    }
}

void SetEnabled(const std::string& name, bool enabled) {
    pg::Execute(
        enabled
            ? "UPDATE pulse.channel_state SET failures = 0, open_until = NULL, disabled_at = NULL"
              " WHERE channel = $1"
            : "INSERT INTO pulse.channel_state AS s (channel, disabled_at, last_error) VALUES ($1, "
              "clock_timestamp(), 'disabled by pulse_update_subscription()') ON CONFLICT (channel) DO UPDATE "
              "SET disabled_at = coalesce(s.disabled_at, excluded.disabled_at), last_error = excluded.last_error",
        {Value::Text(name)});
    if (enabled) WakeDelivery();
}

// As for everything that PostgreSQL itself lets only the owner of the server change.
void RequireOwner(const std::string& name, const std::string& owner) {
    const pg::Session session;
    if (pg::Execute("SELECT pg_catalog.pg_has_role($1::pg_catalog.name, 'USAGE')", {Value::Text(owner)})[0]
            .Bool(0))
        return;
    throw UserError(sqlstate::kInsufficientPrivilege,
                    "subscription \"" + name + "\" belongs to role \"" + owner + "\"", "",
                    "Only that role or a superuser may change it.");
}

void UpdateSubscription(const std::string& name, const SubscriptionChange& change) {
    std::optional<pg::ForeignServer> server;
    std::vector<std::string> before, segments;
    {
        const pg::OwnerSession session;
        const pg::Result rows = pg::Execute(
            "SELECT events, coalesce(segments, '{}') FROM pulse.subscription"
            " WHERE channel = $1 FOR NO KEY UPDATE",
            {Value::Text(name)});
        if (rows.empty()) ThrowUnknownSubscription(name);
        before = rows[0].Texts(0);
        segments = change.segments.value_or(rows[0].Texts(1));
        server = pg::FindServer("pulse_channel", name);
    }
    if (!server || !server->has_mapping) ThrowNoChannel(name, server.has_value());
    RequireOwner(name, server->owner);
    const std::vector<std::string> events = change.events ? CheckEvents(change.events) : before;
    if (change.events || change.segments) CheckSegments(segments, events);
    if (change.url) SetUrl(*server, *change.url);
    {
        const pg::OwnerSession session;
        pg::Execute(
            "UPDATE pulse.subscription SET events = $2, segments = nullif($3, '{}') WHERE channel = $1",
            {Value::Text(name), Value::Texts(events), Value::Texts(segments)});
        SetEvents(name, before, events);
        if (change.enabled) SetEnabled(name, *change.enabled);
    }
    audit::Write("subscription.updated", name, {{"events", events}, {"url", change.url.has_value()}});
}

// The server of a subscription, whose row stays locked: another rotation waits.
pg::ForeignServer LockForRotation(const std::string& name) {
    const pg::OwnerSession session;
    pg::SetLocally("lock_timeout", std::to_string(pg::settings::lock_timeout).c_str());
    if (pg::Execute("UPDATE pulse.subscription SET rotated_at = $2 WHERE channel = $1",
                    {Value::Text(name), Value::Time(pg::WallClock())})
            .processed() == 0)
        ThrowUnknownSubscription(name);
    // What another rotation committed while this one waited.
    const pg::LatestSnapshot latest;
    std::optional<pg::ForeignServer> server = pg::FindServer("pulse_channel", name);
    if (!server || !server->has_mapping) ThrowNoChannel(name, server.has_value());
    return *server;
}

std::string Rotate(const std::string& name, int64_t keep) {
    const pg::ForeignServer server = LockForRotation(name);
    const int64_t now = UnixTime(pg::WallClock()), until = UnixTime(pg::WallClock() + keep);
    const auto of = [&](const char* option) { return options::Value(server.mapping, option).value_or(""); };
    std::vector<FormerSecret> former =
        ParseFormerSecrets(of("former_secrets")).value_or(std::vector<FormerSecret>());
    if (const std::string secret = of("secret"); !secret.empty())
        former = Retire(std::move(former), secret, now, until);
    if (former.size() > kMostFormerSecrets)
        throw UserError(sqlstate::kProgramLimit,
                        "subscription \"" + name + "\" has too many secrets that still sign",
                        "It has " + std::to_string(former.size()) + " besides the new one.",
                        "Wait until one has ended, or give a shorter \"keep\", which ends all of them then.");
    options::List mapping = server.mapping;
    std::erase_if(mapping, [](const auto& option) {
        return option.first == "secret" || option.first == "former_secrets";
    });
    const std::string secret = NewSecret();
    mapping.emplace_back("secret", secret);
    if (!former.empty()) mapping.emplace_back("former_secrets", PrintFormerSecrets(former));
    pg::SetMapping(server, mapping);
    audit::Write("subscription.rotated", name, {{"old_until", FormatMoment(pg::WallClock() + keep)}});
    return secret;
}

}  // namespace

}  // namespace pulse::delivery

namespace pg = pulse::pg;
namespace delivery = pulse::delivery;

PULSE_FUNCTION(pulse_subscribe) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT * FROM pulse_subscribe(...)");
    delivery::CreatedSubscription made;
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_subscribe()");
        made = delivery::Subscribe(args);
    });
    pg::ResultSet results(fcinfo);
    results.Add({pg::Value::Text(made.name), pg::Value::Text(made.secret)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_update_subscription) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_update_subscription(...)");
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_update_subscription()");
        delivery::UpdateSubscription(args.RequireText(0, "subscription"),
                                     {args.Text(1), args.Texts(2), args.Texts(3), args.Bool(4)});
    });
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_rotate_subscription_secret) {
    const pg::Args args(fcinfo);
    std::string secret;
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_rotate_subscription_secret()");
        const std::string name = args.RequireText(0, "subscription");
        secret = delivery::Rotate(name, pg::KeepArgument(args, 1, "Give 0 if the old secret ends at once."));
    });
    return pg::FromText(secret);
}

PULSE_WRITING_FUNCTION(pulse_unsubscribe) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "subscription");
    const bool there = delivery::Forget(name);
    if (there) {
        const pg::Session session;
        pg::DropServer(name);
    }
    PG_RETURN_VOID();
}
