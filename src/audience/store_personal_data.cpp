// What audiences hold about a person, and how it leaves the platforms.
#include <nlohmann/json.hpp>

#include "pulse/audience/store_ledger.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/personal_data.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr const char* kTables[] = {"audience_member",  "audience_cell", "audience_mark", "audience_scan",
                                   "audience_removal", "sync_batch",    nullptr};
// Until the platform has confirmed the removal.
constexpr const char* kPending[] = {"audience_removal", "sync_batch", nullptr};

void Export(const profile::DataSubject& person, nlohmann::json& document) {
    const pg::Result rows = pg::Execute(
        "SELECT a.name, a.destination, m.state, m.sent_at, m.cells FROM pulse.audience_member AS m"
        " JOIN pulse.audience AS a ON a.id = m.audience_id WHERE m.profile_id = ANY ($1)"
        " ORDER BY a.name, m.profile_id",
        {Value::Int8s(person.profiles)});
    nlohmann::json list = nlohmann::json::array();
    for (uint64_t i = 0; i < rows.size(); ++i) {
        nlohmann::json identifiers = nlohmann::json::array();
        if (const auto sent = Unpack(pg::ToBytes(rows[i].Raw(4))))
            for (const Cell& cell : sent->cells)
                identifiers.push_back({{"kind", Name(cell.kind)}, {"value", cell.value}});
        const auto at = rows[i].TimeOrNull(3);
        list.push_back({{"audience", rows[i].Text(0)},
                        {"destination", rows[i].Text(1)},
                        {"state", rows[i].Text(2)},
                        {"sent_at", at ? nlohmann::json(FormatMoment(*at)) : nlohmann::json()},
                        {"identifiers", std::move(identifiers)}});
    }
    document["audiences"] = std::move(list);
}

// What was sent is queued for removal with exactly what was sent, and the worker is woken.
void QueueRemovals(const profile::DataSubject& person) {
    if (!EraseFromLedger(person.profiles).empty()) WakeSyncs();
}

int64_t Erase(const profile::DataSubject& person) {
    const Value profiles = Value::Int8s(person.profiles);
    const std::vector<int64_t> more = EraseFromLedger(person.profiles);
    int64_t rows = static_cast<int64_t>(more.size());
    for (const char* sql : {"DELETE FROM pulse.audience_mark WHERE profile_id = ANY ($1)",
                            "DELETE FROM pulse.audience_scan WHERE profile_id = ANY ($1)"})
        rows += static_cast<int64_t>(pg::Execute(sql, {profiles}).processed());
    // Uploads that the platform has not finished: the removal that is queued follows them.
    pg::Execute(
        "UPDATE pulse.sync_batch SET people = ARRAY(SELECT p FROM unnest(people) AS p"
        " WHERE p <> ALL ($1)) WHERE check_at IS NOT NULL AND people && $1",
        {profiles});
    if (!more.empty()) WakeSyncs();
    return rows;
}

[[maybe_unused]] const bool personal_data_registered =
    profile::RegisterPersonalData({.room = "audience",
                                   .tables = kTables,
                                   .export_to = Export,
                                   .before_erase = QueueRemovals,
                                   .erase = Erase,
                                   .pending = kPending});

[[maybe_unused]] const bool without_personal_data = profile::RegisterWithoutPersonalData(
    "audience", {{"audience", "Definitions, and figures of their syncs."},
                 {"audience_home", "Numbers of audiences."},
                 {"destination_state", "Whether destinations work."},
                 {"sync_run", "Figures of syncs."}});

}  // namespace

}  // namespace pulse::audience
