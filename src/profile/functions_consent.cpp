// SQL functions for consent.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/profile/store_set_consent.hpp"

namespace pg = pulse::pg;
namespace profile = pulse::profile;
using pg::Value;

PULSE_FUNCTION(pulse_announce_consent_purpose) {
    pg::Watch::Announce("consent_purpose");
    return static_cast<Datum>(0);
}

PULSE_WRITING_FUNCTION(pulse_set_consent) {
    const pg::Args args(fcinfo);
    profile::ConsentRequest request;
    request.user = args.RequireText(0, "user");
    request.purpose = args.RequireText(1, "purpose");
    request.granted = args.RequireBool(2, "granted");
    request.evidence =
        profile::ReadEvidence(args.Jsonb(3).value_or(pg::Json::object()), request.granted, pg::PastNow());
    const std::string actor = pg::ActorName();
    profile::RequirePurpose(request.purpose);
    const pg::OwnerSession session;
    const profile::ConsentResult result = profile::SetConsents({request}, actor).front();
    if (!result.record) profile::RequirePerson(request.user);
    pulse::audit::Write(
        "consent.changed", "profile:" + std::to_string(result.person.value()),
        {{"purpose", request.purpose}, {"granted", request.granted}, {"record", result.record.value()}});
    return Int64GetDatum(result.record.value());
}
