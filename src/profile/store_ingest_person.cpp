// The people of a batch: their identities, attributes, accounts and consent; the listener, which updates
// their state, and subscriptions get what has changed.
#include <algorithm>
#include <iterator>

#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/consent_listener.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_feed_writer.hpp"
#include "store_ingest_batch.hpp"

namespace pulse::profile {

uint64_t EvaluationCount() {
    return GetListener().evaluation_count ? GetListener().evaluation_count() : 0;
}

// Whether this transaction evaluates people with a new event of this name.
bool EventBatch::IsEvaluated(const std::string& name) {
    if (!has_listener_ || pg::settings::evaluation != pg::settings::kSync) return false;
    const auto [place, added] = evaluated_names_.try_emplace(name, true);
    if (added && GetListener().evaluates) place->second = GetListener().evaluates(name);
    return place->second;
}

// What the event says about consent; most say nothing.
bool EventBatch::ReadConsent(size_t i) {
    const json::Value& context = events_[i].context;
    const json::Value inside = reader_.Get(context, "consent"), gpc = reader_.Get(context, "gpc");
    const json::Value& beside = incoming_[i].fields.consent;
    if (!inside.Given() && !gpc.Given() && !beside.Given()) return false;
    if (consent_names_.purposes.empty()) consent_names_ = CurrentConsentNames();
    EventConsents consents = ReadEventConsent(reader_, inside, beside, gpc, consent_names_);
    std::string& note = events_[i].note;
    note += (note.empty() || consents.note.empty() ? "" : " ") + consents.note;
    if (consents.statements.empty()) return false;
    consents_.emplace_back(i, std::move(consents.statements));
    return true;
}

// Whether others wait less if the events are written before people are locked: not after a batch of the same
// transaction, which holds its locks until the end. A few events are not worth a subtransaction. Triggers of
// users could lock people.
bool EventBatch::WritesBeforeLocks() const {
    constexpr size_t kMany = 32;
    if (!first_write_ || accepted_.size() < kMany) return false;
    std::vector<Moment> times;
    for (const size_t i : accepted_) times.push_back(events_[i].time);
    return CanAppendEvents(times);
}

void EventBatch::ResolvePeopleAndWriteEvents() {
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
                                     ? pg::Value{JSONBOID, pg::CutOut(event.properties), false}
                                     : pg::Value::Null(JSONBOID),
                                 event.time});
        claim.writes |= ReadConsent(i) || event.type == EventType::kGroup || event.SetsAttributes() ||
                        IsEvaluated(event.name);
    }
    std::vector<int64_t> also;
    if (!accounts_.empty()) {
        account_changes_ = WriteAccounts(accounts_);
        for (const AccountChange& change : account_changes_)
            also.insert(also.end(), change.members.begin(), change.members.end());
    }
    std::function<void()> write;
    if (WritesBeforeLocks()) write = [this] { WriteEvents(); };
    Resolution resolution = ResolveIdentities(claims_, also, write);
    merges_ = std::move(resolution.merges);
    if (!resolution.worked) WriteEvents();
    pg::CheckInterrupts();
}

// Returns the people whose consent changed.
std::vector<int64_t> EventBatch::WriteConsents() {
    std::vector<ConsentStatement> statements;
    for (auto& [i, said] : consents_)
        for (EventConsent& one : said) {
            ConsentStatement& statement = statements.emplace_back();
            statement.profile = ClaimOf(i).profile;
            statement.person = ClaimOf(i).canonical;
            statement.purpose = std::move(one.purpose);
            statement.granted = one.granted;
            statement.at = events_[i].time;
            statement.source = one.source;
            statement.proof = std::move(one.proof);
        }
    return WriteConsentsOfEvents(std::move(statements), live_people_);
}

PersonChange& EventBatch::ChangeOf(int64_t person) {
    const auto [place, added] = change_index_.try_emplace(person, changes_.size());
    if (added) changes_.emplace_back().profile = person;
    return changes_[place->second];
}

void EventBatch::AddNewEvent(int64_t person, size_t i) {
    const Event& event = events_[i];
    PersonChange& change = ChangeOf(person);
    if (std::find(change.event_names.begin(), change.event_names.end(), event.name) ==
        change.event_names.end())
        change.event_names.push_back(event.name);
    change.created |= ClaimOf(i).created;
    change.locked |= ClaimOf(i).writes || ClaimOf(i).created;
    change.new_events.push_back({event.name, event.time, DatumGetPointer(properties_[i])});
}

// People changed only by imports are reported as imported, people without events with the others.
void EventBatch::NotifyListener() {
    if (EvaluationCount() != evaluations_)
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

// For subscriptions; nothing about people who have only imported events here.
void EventBatch::WriteFeed() {
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

void EventBatch::WritePeople() {
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
        if (event.set_once.Given()) updates.push_back({claim.canonical, pg::CutOut(event.set_once), true});
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
    const std::vector<int64_t> consents = consents_.empty() ? std::vector<int64_t>() : WriteConsents();
    if (has_listener_) {
        // With its event, so that nobody leaves a segment and enters it again.
        for (const int64_t person : consents)
            for (const std::string& name : ConsentEventNames()) ChangeOf(person).event_names.push_back(name);
        NotifyListener();
    }
    if (!consents.empty()) AnnounceConsent(consents);
    WriteFeed();
}

}  // namespace pulse::profile
