// A batch of events while it is ingested: the steps of IngestEvents(), in the lock order of
// store_identity_resolution.hpp.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pulse/profile/consent_event.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_account.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_identity_resolution.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

// The ids of a sender, normalised once for all events that have the same ids.
struct Sender {
    std::vector<Identity> ids;
    std::optional<Identity> previous;
    std::string note, problem;  // ids that cannot be used; why none can
    bool erased = false;        // the problem: one of them was erased
    std::optional<size_t> claim;
};

class EventBatch {
  public:
    explicit EventBatch(const std::vector<IncomingEvent>& incoming)
        : incoming_(incoming), results_(incoming.size()) {}

    std::vector<IngestResult> Run(bool store_rejected);

  private:
    // ---- store_ingest.cpp ----
    void Reject(size_t i, std::string reason, std::string detail);
    void KeepAccepted();
    void ValidateAll();
    void MakePartitions();
    void DropDuplicates();
    Datum ContextOf(const Event& event);
    void WriteEvents();
    void Report(bool store_rejected);
    Tally& TallyOf(size_t i) { return tallies_[incoming_[i].source]; }

    // ---- store_ingest_sender.cpp ----
    void GroupBySender();
    Sender MakeSender(const Event& event) const;
    void RefuseInvalidOfErased();

    // ---- store_ingest_person.cpp ----
    void ResolvePeopleAndWriteEvents();
    bool WritesBeforeLocks() const;
    void WritePeople();
    bool IsEvaluated(const std::string& name);
    bool ReadConsent(size_t i);
    std::vector<int64_t> WriteConsents();
    const IdentityClaim& ClaimOf(size_t i) const { return claims_[*senders_[sender_of_[i]].claim]; }
    PersonChange& ChangeOf(int64_t person);
    void AddNewEvent(int64_t person, size_t i);
    void NotifyListener();
    void WriteFeed();

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
    ConsentNames consent_names_;                                          // once an event has consent
    std::vector<std::pair<size_t, std::vector<EventConsent>>> consents_;  // by event
    std::set<int64_t> live_people_;  // people with events that are not imported
    std::set<int64_t> full_people_;  // people with the maximum number of attributes
    uint64_t evaluations_ = 0;       // before the events were written
    bool first_write_ = false;       // nothing was written before in the transaction
    bool has_listener_ = false;      // people_changed() is registered and active
    std::vector<PersonChange> changes_;
    std::unordered_map<int64_t, size_t> change_index_;
    ActivityTally activity_;                // of the events written
    std::map<std::string, Tally> tallies_;  // by source
    std::map<std::string, EventCatalogue> catalogues_;
};

// How many evaluations the listener has made in this transaction.
uint64_t EvaluationCount();

}  // namespace pulse::profile
