// The senders of a batch: their ids, normalised, and who of them was erased.
#include <algorithm>
#include <climits>

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_refusal.hpp"
#include "store_ingest_batch.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// The previous id of an alias is a user id or an anonymous id: the one that exists, else the latter.
void ResolvePrevious(const Identity& previous, Sender& sender) {
    static pg::Statement known("SELECT kind FROM pulse.identity WHERE kind = $1 AND value = $2",
                               {TEXTOID, TEXTOID});
    std::string problem;
    std::optional<Identity> fallback;
    for (const char* name : {"user_id", "anonymous_id"}) {
        const auto& kinds = IdentityKinds();
        const auto kind =
            std::find_if(kinds.begin(), kinds.end(), [&](const IdentityKind& k) { return k.kind == name; });
        if (kind == kinds.end()) continue;
        const Normalised normal = Normalise(*kind, previous.value);
        if (!normal.value) {
            problem = normal.problem;
            continue;
        }
        fallback = Identity{name, *normal.value};
        if (!known.Execute({Value::Text(fallback->kind), Value::Text(fallback->value)}).empty()) break;
    }
    if (fallback)
        sender.previous = fallback;
    else
        sender.problem = "previousId cannot be used: " + problem + ".";
}

// A person who was erased does not come back with an event that was late.
void RefuseErased(Sender& sender) {
    const auto refuse = [&](const Identity& id) {
        if (sender.erased || !IsRefused(id)) return;
        sender.erased = true;
        sender.problem = "Its " + id.kind + " is one of a person who was erased.";
    };
    for (const Identity& id : sender.ids) refuse(id);
    // Both kinds are checked: an erased id no longer has one.
    if (sender.previous)
        for (const char* kind : {"user_id", "anonymous_id"}) refuse({kind, sender.previous->value});
}

}  // namespace

// Normalise the ids of a sender; `problem` says why none is left.
Sender EventBatch::MakeSender(const Event& event) const {
    Sender sender;
    const auto& kinds = IdentityKinds();
    const auto say = [](std::string& text, const std::string& more) {
        text += (text.empty() ? "" : " ") + more;
    };
    for (const Identity& id : event.ids) {
        const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                       [&](const IdentityKind& k) { return k.kind == id.kind; });
        if (kind == kinds.end()) {
            say(sender.note, "\"" + id.kind + "\" is not a kind of id.");
            continue;
        }
        Normalised normal = Normalise(*kind, id.value);
        if (!normal.value) {
            say(sender.note, id.kind + " was not used: " + normal.problem + ".");
            continue;
        }
        Identity good{id.kind, std::move(*normal.value)};
        if (std::find(sender.ids.begin(), sender.ids.end(), good) == sender.ids.end())
            sender.ids.push_back(std::move(good));
    }
    if (sender.ids.empty()) sender.problem = "None of its ids can be used. " + sender.note;
    if (event.previous) ResolvePrevious(*event.previous, sender);
    RefuseErased(sender);
    return sender;
}

void EventBatch::GroupBySender() {
    std::unordered_map<std::string, size_t> known;
    sender_of_.assign(events_.size(), 0);
    std::string key;
    for (const size_t i : accepted_) {
        const Event& event = events_[i];
        key.clear();
        for (const Identity& id : event.ids) ((key += id.kind) += '\1').append(id.value) += '\2';
        if (event.previous) (key += '\3') += event.previous->value;
        const auto [place, added] = known.try_emplace(key, senders_.size());
        if (added) senders_.push_back(MakeSender(event));
        sender_of_[i] = place->second;
        const Sender& sender = senders_[place->second];
        if (!sender.problem.empty()) Reject(i, sender.erased ? kErased : "no_id", sender.problem);
    }
    KeepAccepted();
}

// An event that is invalid anyway would be kept in pulse.rejected_event, with the ids of its sender.
void EventBatch::RefuseInvalidOfErased() {
    if (!AnyRefused()) return;
    EventLimits limits;
    limits.max_size = SIZE_MAX;
    limits.max_properties = INT64_MAX;
    limits.max_depth = INT_MAX;
    json::Value name;
    name.type = json::Type::kText;
    name.text = "an event";
    for (size_t i = 0; i < incoming_.size(); ++i) {
        if (results_[i].status != IngestResult::Status::kRejected || results_[i].reason == kErased) continue;
        const EventFields& sent = incoming_[i].fields;
        // Only what has ids.
        EventFields fields;
        fields.event = name;
        fields.user_id = sent.user_id;
        fields.anonymous_id = sent.anonymous_id;
        fields.device_id = sent.device_id;
        fields.email = sent.email;
        fields.phone = sent.phone;
        if (sent.identifiers.Is(json::Type::kObject)) fields.identifiers = sent.identifiers;
        if (sent.traits.Is(json::Type::kObject)) fields.traits = sent.traits;
        if (sent.context.Is(json::Type::kObject)) fields.context = sent.context;
        if (sent.set.Is(json::Type::kObject)) fields.set = sent.set;
        Sender sender = MakeSender(ValidateEvent(reader_, fields, limits));
        if (sender.erased) Reject(i, kErased, std::move(sender.problem));
    }
}

}  // namespace pulse::profile
