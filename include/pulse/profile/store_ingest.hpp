// Ingesting events. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <map>
#include <string_view>
#include <unordered_map>

#include "pulse/pg/append.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/profile/event_catalogue.hpp"
#include "pulse/profile/event.hpp"
#include "pulse/profile/listener.hpp"

namespace pulse::profile {

// The reason of events of a person who was erased. These are not kept.
inline constexpr const char* kErased = "erased";

// An event as it arrived.
struct IncomingEvent {
    EventFields fields;
    json::Value whole;  // as JSON, stored if the event is rejected; absent: built from `fields`
    Moment received_at = 0;
    std::string source;
    Cause cause = Cause::kEvent;
    bool completed = false;  // fields.context and fields.sent_at may come from the batch, not from `whole`
};

struct IngestResult {
    enum class Status : uint8_t { kAccepted, kDuplicate, kRejected } status = Status::kAccepted;
    std::string reason, detail;
    std::string message_id;
    int64_t profile = 0, event = 0;
};
const char* NameOf(IngestResult::Status status);

// Ingest a batch: all of it or, if it throws, nothing. With `store_rejected`, rejected events are kept in
// pulse.rejected_event. A statement that ingests several batches can deadlock with another one: it holds the
// locks of the first batch while it waits for those of the second.
std::vector<IngestResult> IngestEvents(const std::vector<IncomingEvent>& incoming, bool store_rejected);

// While it lives, the events of this process come from a browser that sends Sec-GPC: 1: their context gets
// "gpc": true.
class GpcRequest {
  public:
    explicit GpcRequest(bool active) : outer_(active_) { active_ = active; }
    ~GpcRequest() { active_ = outer_; }
    GpcRequest(const GpcRequest&) = delete;
    GpcRequest& operator=(const GpcRequest&) = delete;

    static bool IsActive() { return active_; }

  private:
    static inline bool active_ = false;
    bool outer_;
};

// Throw a UserError if the name of a source is invalid.
void CheckSource(const std::string& source);

// ---- store_event_writer.cpp ----

struct EventRow {
    int64_t id = 0, profile = 0;
    Moment time = 0, received_at = 0;
    std::string_view name, type;
    Datum properties = 0, context = 0;  // jsonb; 0: none
    std::string_view message_id, source;
};

// Whether events of these times are appended to their partitions, so that writing them runs no code of users.
bool CanAppendEvents(const std::vector<Moment>& times);

// Writes rows to pulse.event; the partitions of their months must exist.
class EventWriter {
  public:
    // Texts must stay valid until Write().
    void Add(const EventRow& row);
    void Write();

  private:
    Datum Text(std::string_view value);

    std::unordered_map<std::string_view, Datum> texts_;  // shared by many rows
    std::map<int, std::vector<pg::AppendColumn>> months_;
    std::vector<pg::AppendColumn>* month_ = nullptr;  // of the previous row
    Moment begin_ = 0, end_ = 0;                      // of that month
};

// ---- store_deduplication.cpp ----

// A message of a batch. It is a duplicate if its id occurs earlier in the batch or was accepted before.
struct Message {
    size_t index = 0;  // in the batch
    std::string_view source, id;
    uint64_t digest = 0;
    bool duplicate = false, conflicting = false;
};
// Record the ids and mark duplicates. Waits for other sessions that ingest the same ids.
void FindDuplicates(std::vector<Message>& messages, Moment now);
// Delete the messages of these sources and ids, as if they had not come.
int64_t ForgetMessages(const std::vector<std::pair<std::string, std::string>>& messages);
// Delete up to `rows` messages seen before `before`. Returns the number deleted.
int64_t DeleteOldMessages(Moment before, int64_t rows);

// ---- store_attributes.cpp ----

// Traits of identify calls for a person, or what any event sets. The people must be locked.
struct AttributeUpdate {
    int64_t person = 0;
    Datum traits = 0;   // jsonb object
    bool once = false;  // only attributes that the person does not have; of equal ones the first counts
};
struct AttributeChange {
    int64_t person = 0;
    std::vector<std::string> keys;  // of changed attributes
    bool full = false;              // new attributes were left out because of pulse.max_properties
};
// Add traits to the attributes in the order given. Returns the people that changed or are full.
std::vector<AttributeChange> WriteAttributes(const std::vector<AttributeUpdate>& updates, Moment now);

// ---- store_activity.cpp ----

// The new events of some profiles, each once.
struct ActivityTally {
    std::vector<int64_t> profiles;
    std::vector<int64_t> events;
    std::vector<Moment> first, last;

    // Count an event. Events of one profile come one after the other.
    void Add(int64_t profile, Moment time);
};
// A batch with up to so many profiles records them in pulse.ingest_tally: another statement would cost a
// single event more than all the rest of it.
inline constexpr size_t kFewProfiles = 16;
// Record those of a larger batch in pulse.activity_tally.
void WriteActivity(const ActivityTally& tally);
// Add recorded activity to pulse.activity: that of the oldest batches, of up to `profiles` profiles; with
// `at_least_one`, of one batch however large. Returns the number of batches; 0 while another session does it.
int64_t FoldActivity(int64_t profiles, bool at_least_one);

// ---- store_event_catalogue.cpp, store_tally_sum.cpp ----

struct Tally {
    int64_t accepted = 0, duplicates = 0, conflicting = 0, rejected = 0;
};
// `activity` is that of the whole batch; null: written with another source.
void WriteTally(const std::string& source, const Tally& tally, const EventCatalogue& catalogue,
                const ActivityTally* activity, Moment now);
// Add up to `rows` rows of pulse.ingest_tally to the totals and delete them. Returns their number; 0 while
// another session does it.
int64_t FoldTallies(int64_t rows);

// ---- store_rejected.cpp ----

// Store rejected events, but for those of people who were erased.
void StoreRejected(const std::vector<IncomingEvent>& incoming, const std::vector<IngestResult>& results);
// Delete up to `rows` rejected events received before `before`. Returns the number deleted.
int64_t DeleteOldRejected(Moment before, int64_t rows);

}  // namespace pulse::profile
