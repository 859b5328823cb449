// Creating and changing campaigns.
#include "pulse/trust/store_campaign.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/segment/segment.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr size_t kLongestCampaign = 200;
constexpr int64_t kMostCampaignPeople = 1'000'000'000'000;

#define PULSE_CAMPAIGN                                                                                      \
    "SELECT c.id, c.name, c.segment_id, coalesce(s.name, ''), c.expected_reach, c.at, c.channel, "          \
    "c.purpose, (extract(epoch FROM c.period) * 1000000)::bigint, c.min_share, c.max_overlap, "             \
    "c.reach_event, c.conversion_event, c.event_property, c.notify, c.addresses, c.description, c.status, " \
    "c.answer, c.next_check_at, c.warned_at, c.saved_at, c.launched_at, c.launch_reach "                    \
    "FROM pulse.campaign AS c LEFT JOIN pulse.segment AS s ON s.id = c.segment_id "

std::optional<std::vector<std::string>> CampaignTexts(const pg::Row& row, int column) {
    return row.IsNull(column) ? std::nullopt : std::optional(row.Texts(column));
}

Campaign ReadCampaign(const pg::Row& row) {
    Campaign campaign;
    campaign.id = row.Int8(0);
    campaign.name = row.Text(1);
    campaign.segment_id = row.Int8OrNull(2);
    campaign.segment = row.Text(3);
    campaign.planned = row.Int8(4);
    campaign.at = row.Time(5);
    campaign.channel = row.Text(6);
    campaign.options.purpose = row.TextOrNull(7);
    campaign.options.period = row.Int8(8);
    campaign.options.min_share = row.Float8(9);
    campaign.options.max_overlap = row.Float8OrNull(10);
    campaign.options.reach_event = row.TextOrNull(11);
    campaign.options.conversion_event = row.TextOrNull(12);
    campaign.options.event_property = row.TextOrNull(13);
    campaign.options.notify = CampaignTexts(row, 14);
    campaign.options.addresses = CampaignTexts(row, 15);
    campaign.options.description = row.TextOrNull(16);
    campaign.status = row.Text(17);
    campaign.answer = row.TextOrNull(18);
    campaign.next_check_at = row.TimeOrNull(19);
    campaign.warned_at = row.TimeOrNull(20);
    campaign.saved_at = row.TimeOrNull(21);
    campaign.launched_at = row.TimeOrNull(22);
    campaign.launch_reach = row.Int8OrNull(23);
    return campaign;
}

[[noreturn]] void ThrowUnknownCampaign(const std::string& name) {
    const pg::Result rows =
        pg::Execute("SELECT name FROM pulse.campaign ORDER BY at DESC, name LIMIT 1000", {}, true);
    std::vector<std::string> names;
    for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedObject,
                    "campaign " + InQuotes(Shorten(name, 100)) + " does not exist", "",
                    names.empty() ? "There are no campaigns yet; create one with pulse_create_campaign()."
                                  : SuggestName(name, names, "Campaigns"));
}

[[noreturn]] void ThrowCampaignOver(const Campaign& campaign, const char* what) {
    throw UserError(
        sqlstate::kNotReady, "campaign " + InQuotes(campaign.name) + " cannot be " + std::string(what),
        "It is " + (campaign.status == "fell_short" ? "done and fell short" : campaign.status) + ".",
        "Create another one with pulse_create_campaign().");
}

void CheckCampaignName(const std::string& name) {
    if (name.find_first_not_of(" \t\r\n") == std::string::npos || CountCharacters(name) > kLongestCampaign)
        ThrowInvalid("\"name\" is not the name of a campaign",
                     name.size() > kLongestCampaign ? "It is too long." : "It is empty.",
                     "Give a name of 1 to " + std::to_string(kLongestCampaign) + " characters.");
}

void RequireFreeCampaign(const std::string& name) {
    if (!pg::Execute("SELECT FROM pulse.campaign WHERE name = $1", {Value::Text(name)}).empty())
        throw UserError(sqlstate::kDuplicateObject, "campaign " + InQuotes(name) + " already exists", "",
                        "Choose another name, or change it with pulse_update_campaign().");
}

void CheckCampaignPlan(int64_t planned) {
    if (planned < 1 || planned > kMostCampaignPeople)
        ThrowInvalid("\"expected_reach\" is out of range", "It is " + std::to_string(planned) + ".",
                     "Give the number of people to be reached, 1 or more.");
}

void CheckLaunchTime(Moment at) {
    const Moment now = pg::Now();
    if (at == std::numeric_limits<Moment>::max() || at > now + 10 * 366 * kDay)
        ThrowInvalid(
            "\"at\" is out of range",
            at == std::numeric_limits<Moment>::max() ? "It is infinity." : "It is " + FormatMoment(at) + ".",
            "Give a time within the next ten years.");
    if (at <= now)
        ThrowInvalid("\"at\" is in the past",
                     at < now - 1000 * 366 * kDay ? "" : "It is " + FormatMoment(at) + ".",
                     "Give the time of the launch.");
}

// The purposes, kinds of ids and channels that options name exist.
void CheckCampaignNames(const CampaignOptions& options) {
    if (options.purpose) profile::RequirePurpose(*options.purpose);
    std::vector<std::string> kinds;
    for (const profile::IdentityKind& kind : profile::IdentityKinds()) kinds.push_back(kind.kind);
    for (const std::string& kind : options.addresses.value_or(std::vector<std::string>()))
        if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
            throw UserError(sqlstate::kUndefinedObject, InQuotes(kind) + " is not a kind of ids", "",
                            SuggestName(kind, kinds, "Kinds"));
    const pg::Result servers = pg::Execute(
        "SELECT s.srvname::text FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw"
        " AND w.fdwname = 'pulse_channel' ORDER BY 1",
        {}, true);
    std::vector<std::string> channels;
    for (uint64_t i = 0; i < servers.size(); ++i) channels.push_back(servers[i].Text(0));
    for (const std::string& channel : options.notify.value_or(std::vector<std::string>()))
        if (std::find(channels.begin(), channels.end(), channel) == channels.end())
            throw UserError(sqlstate::kUndefinedObject, "there is no channel " + InQuotes(channel), "",
                            channels.empty()
                                ? "Create one with CREATE SERVER … FOREIGN DATA WRAPPER pulse_channel."
                                : SuggestName(channel, channels, "Channels"));
}

Value CampaignTextsValue(const std::optional<std::vector<std::string>>& texts) {
    return texts ? Value::Texts(*texts) : Value::Null(TEXTARRAYOID);
}

int64_t CampaignSegment(const std::string& name) {
    const segment::Segment found = segment::Load(name);
    segment::RequireMeasured(found);
    return found.id;
}

// Write what can be changed.
void SaveCampaign(const Campaign& campaign) {
    pg::Execute(
        "UPDATE pulse.campaign SET name = $2, segment_id = $3, expected_reach = $4, at = $5, channel = $6,"
        " purpose = $7, period = $8 * interval '1 microsecond', min_share = $9, max_overlap = $10,"
        " reach_event = $11, conversion_event = $12, event_property = $13, notify = $14, addresses = $15,"
        " description = $16, next_check_at = $17, updated_at = $18 WHERE id = $1",
        {Value::Int8(campaign.id), Value::Text(campaign.name), Value::Int8(campaign.segment_id),
         Value::Int8(campaign.planned), Value::Time(campaign.at), Value::Text(campaign.channel),
         Value::Text(campaign.options.purpose), Value::Float8(static_cast<double>(campaign.options.period)),
         Value::Float8(campaign.options.min_share), Value::Float8(campaign.options.max_overlap),
         Value::Text(campaign.options.reach_event), Value::Text(campaign.options.conversion_event),
         Value::Text(campaign.options.event_property), CampaignTextsValue(campaign.options.notify),
         CampaignTextsValue(campaign.options.addresses), Value::Text(campaign.options.description),
         Value::Time(campaign.next_check_at), Value::Time(pg::Now())});
    pg::NotifyLauncher();
}

}  // namespace

Campaign LoadCampaign(const std::string& name) {
    const pg::Result rows =
        pg::Execute(PULSE_CAMPAIGN "WHERE c.name = $1 FOR UPDATE OF c", {Value::Text(name)});
    if (rows.empty()) ThrowUnknownCampaign(name);
    return ReadCampaign(rows[0]);
}

std::optional<Campaign> TakeCampaign(int64_t id) {
    const pg::Result rows =
        pg::Execute(PULSE_CAMPAIGN "WHERE c.id = $1 FOR UPDATE OF c SKIP LOCKED", {Value::Int8(id)});
    return rows.empty() ? std::nullopt : std::optional(ReadCampaign(rows[0]));
}

int64_t CreateCampaign(const CampaignInput& input) {
    Campaign campaign;
    campaign.name = *input.name;
    CheckCampaignName(campaign.name);
    campaign.segment_id = CampaignSegment(*input.segment);
    campaign.planned = *input.planned;
    CheckCampaignPlan(campaign.planned);
    campaign.at = *input.at;
    CheckLaunchTime(campaign.at);
    campaign.channel = *input.channel;
    CheckCampaignChannel(campaign.channel);
    if (input.options) ChangeCampaignOptions(*input.options, campaign.options);
    CheckCampaignNames(campaign.options);
    RequireFreeCampaign(campaign.name);
    const Moment now = pg::PastNow();
    campaign.next_check_at = NextCampaignCheck(campaign.at, now, CampaignAnswer::kYes);
    campaign.id = pg::Execute(
                      "INSERT INTO pulse.campaign (name, expected_reach, at, channel, status, created_by,"
                      " created_at, updated_at) VALUES ($1, $2, $3, $4, 'planned', $5, $6, $6) RETURNING id",
                      {Value::Text(campaign.name), Value::Int8(campaign.planned), Value::Time(campaign.at),
                       Value::Text(campaign.channel), Value::Text(input.actor), Value::Time(now)})[0]
                      .Int8(0);
    SaveCampaign(campaign);
    BeginCampaignHealth(campaign.name);
    audit::Write("campaign.created", campaign.name,
                 {{"segment", *input.segment}, {"expected_reach", campaign.planned}});
    return campaign.id;
}

void UpdateCampaign(const std::string& name, const CampaignInput& input) {
    Campaign campaign = LoadCampaign(name);
    if (!campaign.Waits()) ThrowCampaignOver(campaign, "changed");
    if (input.name && *input.name != campaign.name) {
        CheckCampaignName(*input.name);
        RequireFreeCampaign(*input.name);
        campaign.name = *input.name;
    }
    if (input.segment) campaign.segment_id = CampaignSegment(*input.segment);
    if (input.planned) CheckCampaignPlan(campaign.planned = *input.planned);
    if (input.at && *input.at != campaign.at) CheckLaunchTime(campaign.at = *input.at);
    if (input.channel) CheckCampaignChannel(campaign.channel = *input.channel);
    if (input.options) {
        ChangeCampaignOptions(*input.options, campaign.options);
        CheckCampaignNames(campaign.options);
    }
    // A campaign that waits for its people is looked at again soon: what was changed may have helped.
    const Moment now = pg::PastNow();
    campaign.next_check_at =
        campaign.status == "warned" ? now : NextCampaignCheck(campaign.at, now, CampaignAnswer::kYes);
    SaveCampaign(campaign);
    if (campaign.name != name) BeginCampaignHealth(campaign.name);
    pg::Json changes = pg::Json::object();
    if (campaign.name != name) changes["new_name"] = campaign.name;
    if (input.segment) changes["segment"] = *input.segment;
    if (input.planned) changes["expected_reach"] = campaign.planned;
    if (input.at) changes["at"] = FormatMoment(campaign.at);
    if (input.channel) changes["channel"] = campaign.channel;
    if (input.options) changes["options"] = *input.options;
    audit::Write("campaign.changed", name, changes);
}

void CancelCampaign(const std::string& name, const std::optional<std::string>& reason) {
    const Campaign campaign = LoadCampaign(name);
    if (!campaign.Waits()) ThrowCampaignOver(campaign, "cancelled");
    pg::Execute(
        "UPDATE pulse.campaign SET status = 'cancelled', cancel_reason = $2, finished_at = $3, updated_at = $3,"
        " next_check_at = NULL WHERE id = $1",
        {Value::Int8(campaign.id), Value::Text(reason), Value::Time(pg::PastNow())});
    audit::Write("campaign.cancelled", name, {{"after_a_warning", campaign.status == "warned"}});
}

void DeleteCampaign(const std::string& name) {
    const Campaign campaign = LoadCampaign(name);
    pg::Execute("DELETE FROM pulse.campaign WHERE id = $1", {Value::Int8(campaign.id)});
    audit::Write("campaign.deleted", name, {{"status", campaign.status}});
}

std::string RecordCampaignResult(const std::string& name, int64_t reached,
                                 const std::optional<int64_t>& conversions) {
    for (const int64_t number : {reached, conversions.value_or(0)})
        if (number < 0 || number > kMostCampaignPeople)
            ThrowInvalid("a number of people is out of range", "It is " + std::to_string(number) + ".",
                         "Give 0 or more.");
    Campaign campaign = LoadCampaign(name);
    if (campaign.status == "cancelled") ThrowCampaignOver(campaign, "given a result");
    if (!campaign.launched_at) {
        // It was sent all the same.
        campaign.launched_at = std::min(campaign.at, pg::PastNow());
        pg::Execute("UPDATE pulse.campaign SET launched_at = $2, launched_by = $3 WHERE id = $1",
                    {Value::Int8(campaign.id), Value::Time(*campaign.launched_at),
                     Value::Text(pg::ActorName(pg::OriginalCaller()))});
    }
    const std::string status = FinishCampaign(campaign, "recorded", reached, conversions);
    audit::Write("campaign.result_recorded", name, {{"reached", reached}, {"status", status}});
    return status;
}

}  // namespace pulse::trust
