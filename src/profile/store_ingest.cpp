// Ingesting a batch of events, from validation to notification. Its senders are in store_ingest_sender.cpp,
// its people in store_ingest_person.cpp.
#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_job.hpp"
#include "pulse/profile/store_partition.hpp"
#include "store_ingest_batch.hpp"

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

// The properties to store: with the name of a page or screen, and the group.
Datum PropertiesOf(const Event& event) {
    const Datum given = event.properties.Given() ? pg::CutOut(event.properties) : pg::MakeObject({});
    if (!event.title.empty())
        return pg::Concatenate(pg::MakeObject({{"name", Value::Text(event.title)}}), given);
    if (!event.group.empty())
        return pg::Concatenate(given, pg::MakeObject({{"$group_id", Value::Text(event.group)}}));
    return given;
}

}  // namespace

std::vector<IngestResult> EventBatch::Run(bool store_rejected) {
    first_write_ = !pg::HasWritten();
    if (const auto begin = GetListener().before_write) begin();
    has_listener_ = GetListener().people_changed && (!GetListener().is_active || GetListener().is_active());
    ValidateAll();
    GroupBySender();
    MakePartitions();
    DropDuplicates();
    if (!accepted_.empty()) {
        ResolvePeopleAndWriteEvents();
        WritePeople();
    }
    Report(store_rejected);
    return std::move(results_);
}

void EventBatch::Reject(size_t i, std::string reason, std::string detail) {
    results_[i].status = IngestResult::Status::kRejected;
    results_[i].reason = std::move(reason);
    results_[i].detail = std::move(detail);
}

void EventBatch::KeepAccepted() {
    std::erase_if(accepted_, [&](size_t i) { return results_[i].status != IngestResult::Status::kAccepted; });
}

void EventBatch::ValidateAll() {
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

void EventBatch::MakePartitions() {
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

void EventBatch::DropDuplicates() {
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

// The context to store: with the original time, if it was corrected.
Datum EventBatch::ContextOf(const Event& event) {
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
    return pg::Concatenate(given, pg::MakeObject({{"originalTimestamp", Value::Text(event.original_time)}}));
}

// Called again if what it wrote was undone.
void EventBatch::WriteEvents() {
    evaluations_ = EvaluationCount();
    activity_ = {};
    const std::vector<int64_t> numbers = pg::NextValues("event_id_seq", accepted_.size());
    for (size_t i = 0; i < accepted_.size(); ++i) results_[accepted_[i]].event = numbers[i];
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

// Details of the results, the counters, the catalogue.
void EventBatch::Report(bool store_rejected) {
    for (const size_t i : accepted_) {
        const IdentityClaim& claim = ClaimOf(i);
        results_[i].profile = claim.canonical;
        std::string& detail = results_[i].detail;
        for (const std::string_view note :
             {std::string_view(events_[i].note), std::string_view(senders_[sender_of_[i]].note),
              std::string_view(claim.note)})
            if (!note.empty()) detail.append(detail.empty() ? "" : " ").append(note);
        if (events_[i].SetsAttributes() && full_people_.contains(claim.canonical))
            detail +=
                (detail.empty() ? "" : " ") + ("New attributes were not added: pulse.max_properties allows " +
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
    return EventBatch(incoming).Run(store_rejected);
}

}  // namespace pulse::profile
