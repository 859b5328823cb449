// SQL functions for consent.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_consent_purpose.hpp"
#include "pulse/profile/store_consent_report.hpp"
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
    if (!result.record) {
        profile::RequirePerson(request.user);
        throw pulse::UserError(pulse::sqlstate::kSerializationFailure,
                               "another session has deleted or created this person", "", "Try again.");
    }
    pulse::audit::Write(
        "consent.changed", "profile:" + std::to_string(result.person.value()),
        {{"purpose", request.purpose}, {"granted", request.granted}, {"record", result.record.value()}});
    return Int64GetDatum(result.record.value());
}

namespace {

using pulse::UserError;

constexpr const char* kConsentsExample =
    R"([{"user": "ann", "purpose": "email", "granted": true, "evidence": {"source": "import"}}])";
constexpr int kMostRecords = 1000;

// One element of pulse_set_consents(). Throws UserError.
profile::ConsentRequest ReadRequest(const pg::Json& json, pulse::Moment now) {
    const pulse::JsonObject object(json, {.name = "the consent"}, {"user", "purpose", "granted", "evidence"},
                                   kConsentsExample);
    const auto user = object.Text("user"), purpose = object.Text("purpose");
    const std::optional<bool> granted = object.Boolean("granted");
    if (!user || !purpose || !granted)
        object.Fail("\"user\", \"purpose\" and \"granted\" are required", "",
                    std::string("An example is ") + kConsentsExample + ".");
    profile::RequirePurpose(*purpose);
    const pg::Json* evidence = object.Object("evidence");
    return {*user, *purpose, *granted,
            profile::ReadEvidence(evidence ? *evidence : pg::Json::object(), *granted, now)};
}

struct ConsentRow {
    std::string user;
    std::optional<int64_t> person, record;
    std::string result, detail;
};

std::vector<ConsentRow> SetAll(const pg::Json& consents, const std::string& actor) {
    const pulse::Moment now = pg::PastNow();
    std::vector<ConsentRow> rows;
    std::vector<profile::ConsentRequest> requests;
    std::vector<size_t> places;
    for (const pg::Json& consent : consents) {
        ConsentRow& row = rows.emplace_back();
        if (consent.is_object() && consent.contains("user") && consent["user"].is_string())
            row.user = consent["user"].get<std::string>();
        try {
            requests.push_back(ReadRequest(consent, now));
            places.push_back(rows.size() - 1);
        } catch (const UserError& error) {
            row.result = "invalid";
            row.detail = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
        }
    }
    const std::vector<profile::ConsentResult> results = profile::SetConsents(requests, actor);
    for (size_t i = 0; i < places.size(); ++i) {
        ConsentRow& row = rows[places[i]];
        row.person = results[i].person;
        row.record = results[i].record;
        row.result = row.record ? "recorded" : "unknown_user";
    }
    return rows;
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_set_consents) {
    const pg::Json consents = pg::Args(fcinfo).RequireJsonb(0, "consents");
    if (!consents.is_array())
        pulse::ThrowInvalid("\"consents\" must be an array", "",
                            std::string("An example is ") + kConsentsExample + ".");
    if (consents.size() > static_cast<size_t>(pg::settings::max_batch))
        throw UserError(pulse::sqlstate::kProgramLimit, "too many consents at once",
                        "There are " + std::to_string(consents.size()) + "; pulse.max_batch allows " +
                            std::to_string(pg::settings::max_batch) + ".",
                        "Record them in smaller batches.");
    const std::string actor = pg::ActorName();
    pg::ResultSet result(fcinfo);
    std::vector<ConsentRow> rows;
    {
        const pg::OwnerSession session;
        rows = SetAll(consents, actor);
        int64_t recorded = 0;
        for (const ConsentRow& row : rows) recorded += row.record.has_value();
        if (recorded > 0) pulse::audit::Write("consent.imported", "consents", {{"recorded", recorded}});
    }
    for (size_t i = 0; i < rows.size(); ++i)
        result.Add({Value::Int8(static_cast<int64_t>(i)), Value::Text(rows[i].user),
                    Value::Int8(rows[i].person), Value::Int8(rows[i].record), Value::Text(rows[i].result),
                    rows[i].detail.empty() ? Value::Null(TEXTOID) : Value::Text(rows[i].detail)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_consents_of) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user");
    const pulse::Moment at = args.Time(1).value_or(pg::Now());
    if (TIMESTAMP_NOT_FINITE(at))
        pulse::ThrowInvalid("\"at\" is infinite", "", "Give the moment to look at.");
    pg::ResultSet result(fcinfo);
    std::vector<profile::ConsentView> views;
    {
        const pg::OwnerSession session;
        views = profile::ReadConsents(profile::RequirePerson(user), at);
    }
    for (const profile::ConsentView& view : views)
        result.Add({Value::Text(view.purpose), Value::Text(view.status), Value::Bool(view.granted),
                    Value::Time(view.at), Value::Time(view.expires_at), Value::Text(view.source),
                    Value::Text(view.basis), Value::Text(view.text_version), Value::Int8(view.record)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_consent_history) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user");
    const int max = args.Int4(1).value_or(100);
    if (max < 1 || max > kMostRecords)
        pulse::ThrowInvalid("\"max\" is out of range", "It is " + std::to_string(max) + ".",
                            "max is from 1 to " + std::to_string(kMostRecords) + ".");
    pg::ResultSet result(fcinfo);
    const pg::OwnerSession session;
    pg::AddRows(result, profile::ReadConsentRecords(profile::RequirePerson(user).id, max));
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_has_consent) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user"), purpose = args.RequireText(1, "purpose");
    profile::RequirePurpose(purpose);
    const pg::OwnerSession session;
    return BoolGetDatum(profile::HasConsent(profile::RequirePerson(user), purpose));
}

PULSE_FUNCTION(pulse_consent_coverage) {
    pg::ResultSet result(fcinfo);
    std::vector<profile::ConsentCoverage> coverage;
    {
        const pg::OwnerSession session;
        coverage = profile::ReadConsentCoverage();
    }
    for (const profile::ConsentCoverage& one : coverage) {
        const int64_t known = one.granted + one.refused + one.expired;
        result.Add({Value::Text(one.purpose), Value::Int8(one.people), Value::Int8(one.granted),
                    Value::Int8(one.refused), Value::Int8(one.expired),
                    Value::Int8(std::max<int64_t>(one.people - known, 0)),
                    one.people == 0 ? Value::Null(FLOAT8OID)
                                    : Value::Float8(std::min(1.0, static_cast<double>(one.granted) /
                                                                      static_cast<double>(one.people))),
                    Value::Bool(one.exact)});
    }
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_set_consent_purpose) {
    const pg::Args args(fcinfo);
    const profile::ConsentPurposeRequest request{args.RequireText(0, "purpose"), args.Texts(1), args.Bool(2)};
    const pg::OwnerSession session;
    profile::SetConsentPurpose(request);
    pg::Json details = pg::Json::object();
    if (request.categories) details["categories"] = *request.categories;
    if (request.granted_by_default) details["granted_by_default"] = *request.granted_by_default;
    pulse::audit::Write("consent.purpose_set", request.purpose, details);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_set_consent_default) {
    const pg::Args args(fcinfo);
    const std::string purpose = args.RequireText(0, "purpose"), region = args.RequireText(1, "region");
    const std::optional<bool> granted = args.Bool(2);
    const pg::OwnerSession session;
    profile::SetConsentDefault(purpose, region, granted);
    pg::Json details = {{"region", region}};
    details["granted"] = granted ? pg::Json(*granted) : pg::Json();
    pulse::audit::Write("consent.default_set", purpose, details);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_drop_consent_purpose) {
    const std::string purpose = pg::Args(fcinfo).RequireText(0, "purpose");
    const pg::OwnerSession session;
    profile::DropConsentPurpose(purpose);
    pulse::audit::Write("consent.purpose_dropped", purpose);
    PG_RETURN_VOID();
}
