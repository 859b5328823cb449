// Ingesting a batch of events, from validation to notification, in the lock order of
// store_identity_resolution.hpp.
#include "pulse/profile/store_ingest.hpp"

#include <algorithm>
#include <climits>
#include <map>
#include <set>
#include <unordered_map>

#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_account.hpp"
#include "pulse/profile/store_feed_writer.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_job.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/profile/store_refusal.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

EventLimits CurrentLimits() {
    EventLimits limits;
    limits.max_size = static_cast<size_t>(pg::settings::max_event_size);
    limits.max_properties = pg::settings::max_properties;
    limits.max_depth = pg::settings::max_event_depth;
    limits.clock_skew = pg::settings::clock_skew * int64_t{1000};
    limits.max_age = pg::settings::max_event_age * kMinute;
    limits.retention = pg::settings::event_retention * kMinute;
    return limits;
}

constexpr size_t kInterruptible = 256;  // events between checks for interrupts

// The ids of a sender, normalised once for all events that have the same ids.
struct Sender {
    std::vector<Identity> ids;
    std::optional<Identity> previous;
    std::string note, problem;  // ids that cannot be used; why none can
    bool erased = false;        // the problem: one of them was erased
    std::optional<size_t> claim;
};

class Batch {
  public:
    explicit Batch(const std::vector<IncomingEvent>& incoming)
        : incoming_(incoming), results_(incoming.size()) {}

    std::vector<IngestResult> Run(bool store_rejected) {
        if (const auto begin = GetListener().before_write) begin();
        has_listener_ =
            GetListener().people_changed && (!GetListener().is_active || GetListener().is_active());
        ValidateAll();
        GroupBySender();
        MakePartitions();
        DropDuplicates();
        if (!accepted_.empty()) {
            ResolvePeople();
            evaluations_ = Evaluations();
            WriteEvents();
            WritePeople();
        }
        Report(store_rejected);
        return std::move(results_);
    }

  private:
    void Reject(size_t i, std::string reason, std::string detail) {
        results_[i].status = IngestResult::Status::kRejected;
        results_[i].reason = std::move(reason);
        results_[i].detail = std::move(detail);
    }

    void ValidateAll() {
        EventLimits limits = CurrentLimits();
        events_.reserve(incoming_.size());
        for (size_t i = 0; i < incoming_.size(); ++i) {
            if (i % kInterruptible == 0) pg::CheckInterrupts();
            limits.received_at = incoming_[i].received_at;
            limits.import = incoming_[i].cause == Cause::kImport;
            Event& event = events_.emplace_back(ValidateEvent(reader_, incoming_[i].fields, limits));
            results_[i].message_id = event.message_id;
            if (event.Rejected())
                Reject(i, event.reason, event.detail);
            else
                accepted_.push_back(i);
        }
        pg::CheckInterrupts();
    }

    // Normalise the ids of a sender; `problem` says why none is left.
    Sender MakeSender(const Event& event) const {
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

    // A person who was erased does not come back with an event that was late.
    static void RefuseErased(Sender& sender) {
        const auto refuse = [&](const Identity& id) {
            if (sender.erased || !IsRefused(id)) return;
            sender.erased = true;
            sender.problem = "Its " + id.kind + " is one of a person who was erased.";
        };
        for (const Identity& id : sender.ids) refuse(id);
        // It is known as neither any more.
        if (sender.previous)
            for (const char* kind : {"user_id", "anonymous_id"}) refuse({kind, sender.previous->value});
    }

    // The previous id of an alias is a user id or an anonymous id: the one that exists, else the latter.
    void ResolvePrevious(const Identity& previous, Sender& sender) const {
        static pg::Statement known("SELECT kind FROM pulse.identity WHERE kind = $1 AND value = $2",
                                   {TEXTOID, TEXTOID});
        std::string problem;
        std::optional<Identity> fallback;
        for (const char* name : {"user_id", "anonymous_id"}) {
            const auto& kinds = IdentityKinds();
            const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                           [&](const IdentityKind& k) { return k.kind == name; });
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

    void GroupBySender() {
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

    // An event that is invalid anyway would be kept in pulse.rejected_event, with the ids of whoever sent it.
    void RefuseInvalidOfErased() {
        if (!AnyRefused()) return;
        EventLimits limits;
        limits.max_size = SIZE_MAX;
        limits.max_properties = INT64_MAX;
        limits.max_depth = INT_MAX;
        json::Value name;
        name.type = json::Type::kText;
        name.text = "an event";
        for (size_t i = 0; i < incoming_.size(); ++i) {
            if (results_[i].status != IngestResult::Status::kRejected || results_[i].reason == kErased)
                continue;
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

    void KeepAccepted() {
        std::erase_if(accepted_,
                      [&](size_t i) { return results_[i].status != IngestResult::Status::kAccepted; });
    }

    void MakePartitions() {
        std::vector<Moment> times;
        times.reserve(accepted_.size());
        for (const size_t i : accepted_) times.push_back(events_[i].time);
        const std::set<int> archived = DetachedMonths("event", times);
        if (archived.empty()) return;
        for (const size_t i : accepted_)
            if (const int month = MonthOf(events_[i].time); archived.contains(month))
                Reject(i, "archived",
                       "Its month is archived: pulse." + PartitionName("event", month) +
                           " is not a partition of pulse.event any more.");
        KeepAccepted();
    }

    void DropDuplicates() {
        std::vector<Message> messages;
        messages.reserve(accepted_.size());
        for (const size_t i : accepted_)
            if (!events_[i].message_id.empty())
                messages.push_back({i, incoming_[i].source, events_[i].message_id, events_[i].digest});
        // By the wall clock: pulse.now must not change how long a message is kept.
        FindDuplicates(messages, pg::WallClock());
        for (const Message& message : messages) {
            if (!message.duplicate) continue;
            IngestResult& result = results_[message.index];
            result.status = IngestResult::Status::kDuplicate;
            ++TallyOf(message.index).duplicates;
            if (!message.conflicting) continue;
            result.reason = "conflicting_duplicate";
            result.detail = "An event with different content was accepted under this messageId; it is kept.";
            ++TallyOf(message.index).conflicting;
        }
        KeepAccepted();
    }

    // Whether this transaction evaluates people with a new event of this name.
    bool IsEvaluated(const std::string& name) {
        if (!has_listener_ || pg::settings::evaluation != pg::settings::kSync) return false;
        const auto [place, added] = evaluated_names_.try_emplace(name, true);
        if (added && GetListener().evaluates) place->second = GetListener().evaluates(name);
        return place->second;
    }

    void ResolvePeople() {
        for (const size_t i : accepted_) {
            Sender& sender = senders_[sender_of_[i]];
            const Event& event = events_[i];
            if (!sender.claim) {
                sender.claim = claims_.size();
                IdentityClaim& claim = claims_.emplace_back();
                claim.ids = sender.ids;
                claim.previous = sender.previous;
                claim.time = event.time;
            }
            IdentityClaim& claim = claims_[*sender.claim];
            claim.time = std::min(claim.time, event.time);
            if (event.type == EventType::kGroup)
                accounts_.push_back({event.group,
                                     event.properties.Given()
                                         ? Value{JSONBOID, pg::CutOut(event.properties), false}
                                         : Value::Null(JSONBOID),
                                     event.time});
            claim.writes |=
                event.type == EventType::kGroup || event.SetsAttributes() || IsEvaluated(event.name);
        }
        std::vector<int64_t> also;
        if (!accounts_.empty()) {
            account_changes_ = WriteAccounts(accounts_);
            for (const AccountChange& change : account_changes_)
                also.insert(also.end(), change.members.begin(), change.members.end());
        }
        merges_ = ResolveIdentities(claims_, also);
        pg::CheckInterrupts();
    }

    const IdentityClaim& ClaimOf(size_t i) const { return claims_[*senders_[sender_of_[i]].claim]; }

    // The properties to store: with the name of a page or screen, and the group.
    Datum PropertiesOf(const Event& event) const {
        const Datum given = event.properties.Given() ? pg::CutOut(event.properties) : pg::MakeObject({});
        if (!event.title.empty())
            return pg::Concatenate(pg::MakeObject({{"name", Value::Text(event.title)}}), given);
        if (!event.group.empty())
            return pg::Concatenate(given, pg::MakeObject({{"$group_id", Value::Text(event.group)}}));
        return given;
    }

    // The context to store: with the original time, if it was corrected.
    Datum ContextOf(const Event& event) {
        if (event.original_time.empty()) {
            if (!event.context.Given()) return Datum{0};
            // The context of the whole batch is copied once.
            if (event.context.value != context_.value || event.context.size != context_.size) {
                context_ = event.context;
                context_datum_ = pg::CutOut(context_);
            }
            return context_datum_;
        }
        const Datum given = event.context.Given() ? pg::CutOut(event.context) : pg::MakeObject({});
        return pg::Concatenate(given,
                               pg::MakeObject({{"originalTimestamp", Value::Text(event.original_time)}}));
    }

    void WriteEvents();

    PersonChange& ChangeOf(int64_t person) {
        const auto [place, added] = change_index_.try_emplace(person, changes_.size());
        if (added) changes_.emplace_back().profile = person;
        return changes_[place->second];
    }

    void AddNewEvent(int64_t person, size_t i) {
        const Event& event = events_[i];
        PersonChange& change = ChangeOf(person);
        if (std::find(change.event_names.begin(), change.event_names.end(), event.name) ==
            change.event_names.end())
            change.event_names.push_back(event.name);
        change.created |= ClaimOf(i).created;
        change.new_events.push_back({event.name, event.time, DatumGetPointer(properties_[i])});
    }

    void WritePeople() {
        std::vector<AttributeUpdate> updates;
        std::vector<AccountJoin> joins;
        size_t account = 0;
        for (const size_t i : accepted_) {
            const Event& event = events_[i];
            const IdentityClaim& claim = ClaimOf(i);
            if (has_listener_) AddNewEvent(claim.canonical, i);
            if (incoming_[i].cause != Cause::kImport) live_people_.insert(claim.canonical);
            if (event.type == EventType::kIdentify && event.properties.Given())
                updates.push_back({claim.canonical, pg::CutOut(event.properties)});
            if (event.set.Given()) updates.push_back({claim.canonical, pg::CutOut(event.set)});
            if (event.set_once.Given())
                updates.push_back({claim.canonical, pg::CutOut(event.set_once), true});
            if (event.type == EventType::kGroup)
                joins.push_back({claim.profile, claim.canonical, accounts_[account++].account, event.time});
        }
        for (AttributeChange& change : WriteAttributes(updates, pg::Now())) {
            if (change.full) full_people_.insert(change.person);
            if (change.keys.empty()) continue;
            if (IsSubscribed(kProfileUpdated)) updated_.push_back(change);
            ChangeOf(change.person).attributes = std::move(change.keys);
        }
        if (!joins.empty())
            for (const int64_t person : JoinAccounts(joins)) ChangeOf(person).account = true;
        for (const AccountChange& change : account_changes_)
            for (const int64_t person : change.members) ChangeOf(person).account = true;
        if (has_listener_) NotifyListener();
        WriteFeed();
    }

    // For subscriptions; nothing about people who have only imported events here.
    void WriteFeed() {
        const auto is_live = [&](int64_t person) { return live_people_.contains(person); };
        FeedWriter feed(pg::Now());
        // Those that were merged at once were never seen.
        for (const IdentityClaim& claim : claims_)
            if (claim.created && claim.canonical == claim.profile && is_live(claim.canonical))
                feed.AddCreated(claim.canonical, claim.time);
        for (const ResolutionPlan::Merge& merge : merges_)
            if (is_live(merge.survivor)) feed.AddMerge(merge, "event");
        if (IsSubscribed(kEventReceived))
            for (const size_t i : accepted_)
                if (incoming_[i].cause != Cause::kImport)
                    feed.AddEvent(ClaimOf(i).canonical, results_[i].event, events_[i], incoming_[i].source);
        for (const AttributeChange& change : updated_)
            if (is_live(change.person)) feed.AddUpdate(change.person, change.keys);
        feed.Write();
    }

    static uint64_t Evaluations() {
        return GetListener().evaluation_count ? GetListener().evaluation_count() : 0;
    }

    // People changed only by imports are reported as imported, people without events with the others.
    void NotifyListener() {
        if (Evaluations() != evaluations_)
            for (PersonChange& change : changes_) change.new_events.clear();
        std::vector<PersonChange> imported;
        const auto quiet = [&](const PersonChange& change) {
            return live_people_.empty() ||
                   (!change.event_names.empty() && !live_people_.contains(change.profile));
        };
        std::copy_if(changes_.begin(), changes_.end(), std::back_inserter(imported), quiet);
        std::erase_if(changes_, quiet);
        if (!imported.empty()) GetListener().people_changed(imported, Cause::kImport);
        if (!changes_.empty()) GetListener().people_changed(changes_, Cause::kEvent);
        if (!GetListener().large_account_changed) return;
        for (const AccountChange& change : account_changes_)
            if (change.too_large)
                GetListener().large_account_changed(change.account,
                                                    live_people_.empty() ? Cause::kImport : Cause::kEvent);
    }

    // Details of the results, the counters, the catalogue.
    void Report(bool store_rejected) {
        for (const size_t i : accepted_) {
            const IdentityClaim& claim = ClaimOf(i);
            results_[i].profile = claim.canonical;
            std::string& detail = results_[i].detail;
            for (const std::string_view note :
                 {std::string_view(events_[i].note), std::string_view(senders_[sender_of_[i]].note),
                  std::string_view(claim.note)})
                if (!note.empty()) detail.append(detail.empty() ? "" : " ").append(note);
            if (events_[i].SetsAttributes() && full_people_.contains(claim.canonical))
                detail += (detail.empty() ? "" : " ") +
                          ("New attributes were not added: pulse.max_properties allows " +
                           std::to_string(pg::settings::max_properties) + ".");
            catalogues_[incoming_[i].source].Add(reader_, events_[i]);
            ++TallyOf(i).accepted;
        }
        // Otherwise rejected events were counted before (replay), or raise an error (single events).
        if (store_rejected) {
            RefuseInvalidOfErased();
            for (size_t i = 0; i < incoming_.size(); ++i)
                if (results_[i].status == IngestResult::Status::kRejected) ++TallyOf(i).rejected;
            StoreRejected(incoming_, results_);
        }
        const ActivityTally* activity = &activity_;
        for (const auto& [source, tally] : tallies_)
            WriteTally(source, tally, catalogues_[source], std::exchange(activity, nullptr), pg::Now());
        if (!activity_.profiles.empty()) WakeActivityJob();
    }

    Tally& TallyOf(size_t i) { return tallies_[incoming_[i].source]; }

    const std::vector<IncomingEvent>& incoming_;
    const pg::JsonbReader reader_;
    std::vector<IngestResult> results_;
    std::vector<Event> events_;     // of each incoming event
    std::vector<size_t> accepted_;  // those not rejected and not duplicates
    std::vector<Sender> senders_;
    std::vector<size_t> sender_of_;  // of each incoming event
    std::vector<IdentityClaim> claims_;
    std::vector<ResolutionPlan::Merge> merges_;
    std::vector<AttributeChange> updated_;  // for subscriptions
    std::vector<AccountWrite> accounts_;    // of each group call accepted
    std::vector<AccountChange> account_changes_;
    std::unordered_map<std::string, bool> evaluated_names_;  // names of events
    std::vector<Datum> properties_;                          // of each incoming event that is written
    json::Value context_;                                    // of the previous event
    Datum context_datum_ = 0;
    std::set<int64_t> live_people_;  // people with events that are not imported
    std::set<int64_t> full_people_;  // people with the maximum number of attributes
    uint64_t evaluations_ = 0;       // before anything was written
    bool has_listener_ = false;      // people_changed() is registered and active
    std::vector<PersonChange> changes_;
    std::unordered_map<int64_t, size_t> change_index_;
    ActivityTally activity_;                // of the events written
    std::map<std::string, Tally> tallies_;  // by source
    std::map<std::string, EventCatalogue> catalogues_;
};

void Batch::WriteEvents() {
    static pg::Statement next("SELECT nextval('pulse.event_id_seq') FROM generate_series(1, $1)", {INT8OID});
    const pg::Result numbers = next.Execute({Value::Int8(static_cast<int64_t>(accepted_.size()))});
    for (size_t i = 0; i < accepted_.size(); ++i) results_[accepted_[i]].event = numbers[i].Int8(0);
    // Sort by person, in the order of the index, so that index insertions are local.
    std::vector<size_t> order = accepted_;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return ClaimOf(a).profile < ClaimOf(b).profile; });
    properties_.assign(events_.size(), 0);
    EventWriter rows;
    for (const size_t i : order) {
        const Event& event = events_[i];
        activity_.Add(ClaimOf(i).profile, event.time);
        properties_[i] = PropertiesOf(event);
        rows.Add({results_[i].event, ClaimOf(i).profile, event.time, incoming_[i].received_at, event.name,
                  NameOf(event.type), properties_[i], ContextOf(event), event.message_id,
                  incoming_[i].source});
    }
    rows.Write();
    WriteActivity(activity_);
}

}  // namespace

const char* NameOf(IngestResult::Status status) {
    switch (status) {
        case IngestResult::Status::kAccepted: return "accepted";
        case IngestResult::Status::kDuplicate: return "duplicate";
        case IngestResult::Status::kRejected: return "rejected";
    }
    return "";
}

void CheckSource(const std::string& source) {
    constexpr size_t kMost = 255;
    if (!SanitiseText(source).empty() && SanitiseText(source) == source && source.size() <= kMost) return;
    throw UserError(
        sqlstate::kInvalidParameter, "invalid \"source\"",
        "It is blank, has more than " + std::to_string(kMost) + " bytes, or has white space around it.",
        "Give a name for the origin of the events, such as web or ios.");
}

std::vector<IngestResult> IngestEvents(const std::vector<IncomingEvent>& incoming, bool store_rejected) {
    return Batch(incoming).Run(store_rejected);
}

}  // namespace pulse::profile
