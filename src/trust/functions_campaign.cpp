// SQL functions for campaigns.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_campaign.hpp"

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using pg::Value;

namespace {

pulse::Moment RequireCampaignTime(const pg::Args& args, int i, const char* name) {
    if (args.IsNull(i)) args.RequireText(i, name);  // throws
    return *args.Time(i);
}

void AddCampaignCheck(pg::ResultSet& rows, const trust::CampaignCheck& check) {
    const trust::CampaignFacts& facts = check.facts;
    rows.Add({Value::Text(trust::Name(check.judgement.answer)), Value::Int8(facts.planned),
              Value::Int8(facts.reach), Value::Int8(facts.with_address), Value::Int8(facts.with_consent),
              Value::Int8(facts.reachable), Value::Int8s(check.incidents), Value::Int8(check.overlap),
              Value::Text(facts.gate), Value::Float8(check.score), Value::Texts(check.judgement.reasons),
              Value::Texts(check.judgement.advice), Value::Time(check.at)});
}

// The body of a function that checks a campaign.
Datum ReturnCheck(FunctionCallInfo fcinfo,
                  trust::CampaignCheck (*make)(trust::Campaign&, const std::string&)) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    pg::ResultSet rows(fcinfo);
    const std::string actor = pg::ActorName();
    trust::CampaignCheck check;
    {
        const pg::OwnerSession session;
        trust::Campaign campaign = trust::LoadCampaign(name);
        check = make(campaign, actor);
    }
    AddCampaignCheck(rows, check);
    return pg::ResultSet::Done();
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_create_campaign) {
    const pg::Args args(fcinfo);
    trust::CampaignInput input;
    input.name = args.RequireText(0, "name");
    input.segment = args.RequireText(1, "segment");
    input.planned = args.RequireInt8(2, "expected_reach");
    input.at = RequireCampaignTime(args, 3, "at");
    input.channel = args.RequireText(4, "channel");
    const std::optional<pg::Json> options = args.Jsonb(5);
    input.options = options ? &*options : nullptr;
    input.actor = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(trust::CreateCampaign(input));
}

PULSE_WRITING_FUNCTION(pulse_update_campaign) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    trust::CampaignInput input;
    input.segment = args.Text(1);
    input.planned = args.Int8(2);
    input.at = args.Time(3);
    input.channel = args.Text(4);
    const std::optional<pg::Json> options = args.Jsonb(5);
    input.options = options ? &*options : nullptr;
    input.name = args.Text(6);
    const pg::OwnerSession session;
    trust::UpdateCampaign(name, input);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_cancel_campaign) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const std::optional<std::string> reason = args.Text(1);
    const pg::OwnerSession session;
    trust::CancelCampaign(name, reason);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_delete_campaign) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    const pg::OwnerSession session;
    trust::DeleteCampaign(name);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_check_campaign) {
    return ReturnCheck(fcinfo, trust::CheckCampaign);
}

PULSE_WRITING_FUNCTION(pulse_launch_campaign) {
    return ReturnCheck(fcinfo, [](trust::Campaign& campaign, const std::string& actor) {
        return trust::LaunchCampaign(campaign, actor, false);
    });
}

PULSE_WRITING_FUNCTION(pulse_record_campaign_result) {
    const pg::Args args(fcinfo);
    const std::string name = args.RequireText(0, "name");
    const int64_t reached = args.RequireInt8(1, "reached");
    const std::optional<int64_t> conversions = args.Int8(2);
    std::string status;
    {
        const pg::OwnerSession session;
        status = trust::RecordCampaignResult(name, reached, conversions);
    }
    return pg::FromText(status);
}
