// Taking events in. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
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

// An event as it arrived.
struct IncomingEvent {
    EventFields fields;
    json::Value whole;  // as JSON, to be kept when it is rejected; absent: made from what it says
    Moment received_at = 0;
    std::string source;
    Cause cause = Cause::kEvent;
    bool completed =
        false;  // by what its batch says: fields.context and fields.sent_at are not only of `whole`
};

struct IngestResult {
    enum class Status : uint8_t { kAccepted, kDuplicate, kRejected } status = Status::kAccepted;
    std::string reason, detail;
    std::string message_id;
    int64_t profile = 0, event = 0;
};
const char* NameOf(IngestResult::Status status);

// Take a batch in: everything or, when it throws, nothing. What is rejected is kept in pulse.rejected_event
// with `store_rejected`. A statement that takes in several holds the locks of the first while it waits for
// those of the second: others may wait the other way round.
std::vector<IngestResult> IngestEvents(const std::vector<IncomingEvent>& incoming, bool store_rejected);

// A source's name, or the UserError that says what one is.
void CheckSource(const std::string& source);

// ---- store_event_writer.cpp ----

struct EventRow {
    int64_t id = 0, profile = 0;
    Moment time = 0, received_at = 0;
    std::string_view name, type;
    Datum properties = 0, context = 0;  // jsonb; 0: none
    std::string_view message_id, source;
};

// Rows for pulse.event, of whatever months there are partitions for.
class EventWriter {
  public:
    // Texts must stay where they are until Write().
    void Add(const EventRow& row);
    void Write();

  private:
    Datum Text(std::string_view value);

    std::unordered_map<std::string_view, Datum> texts_;  // that many rows have in common
    std::map<int, std::vector<pg::AppendColumn>> months_;
    std::vector<pg::AppendColumn>* month_ = nullptr;  // of the row before
    Moment begin_ = 0, end_ = 0;                      // of that
};

// ---- store_deduplication.cpp ----

// The messages of a batch: of those with an id all but the first are duplicates, and all that were accepted
// before.
struct Message {
    size_t index = 0;  // of the batch
    std::string_view source, id;
    uint64_t digest = 0;
    bool duplicate = false, conflicting = false;
};
// Notes the ids, waiting for others that are bringing the same, and marks duplicates.
void FindDuplicates(std::vector<Message>& messages, Moment now);
// Forget up to `rows` messages seen before `before`; how many.
int64_t DeleteOldMessages(Moment before, int64_t rows);

// ---- store_attributes.cpp ----

// Traits that identify calls set for a person; the people are locked.
struct AttributeUpdate {
    int64_t person = 0;
    Datum traits = 0;  // jsonb object
};
struct AttributeChange {
    int64_t person = 0;
    std::vector<std::string> keys;  // that changed
    bool full =
        false;  // with those that are new there would be more than pulse.max_properties: they were left out
};
// Adds it to the attributes in the order given; those with changes or left full.
std::vector<AttributeChange> WriteAttributes(const std::vector<AttributeUpdate>& updates, Moment now);

// ---- store_event_catalogue.cpp ----

struct Tally {
    int64_t accepted = 0, duplicates = 0, conflicting = 0, rejected = 0;
};
void WriteTally(const std::string& source, const Tally& tally, const EventCatalogue& catalogue, Moment now);
// Fold up to `rows` of pulse.ingest_tally into the totals; how many. Nothing while another session does.
int64_t FoldTallies(int64_t rows);

// ---- store_rejected.cpp ----

// Keep what was rejected.
void StoreRejected(const std::vector<IncomingEvent>& incoming, const std::vector<IngestResult>& results);
// Delete up to `rows` rejected events received before `before`; how many.
int64_t DeleteOldRejected(Moment before, int64_t rows);

}  // namespace pulse::profile
