// The SQL-callable functions of destinations.
#include <nlohmann/json.hpp>

#include "pulse/audience/answer.hpp"
#include "pulse/audience/request.hpp"
#include "pulse/audience/store_alarm.hpp"
#include "pulse/audience/store_audience.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/audit/store.hpp"
#include "pulse/http/require_tls.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace pg = pulse::pg;
namespace audience = pulse::audience;
namespace http = pulse::http;
namespace options = pulse::options;
using pg::Json;
using pg::Value;
using pulse::UserError;

namespace {

constexpr const char* kDestinationExample = "{\"account\": \"123456\", \"access_token\": \"...\"}";

Json WithPlatform(const std::string& platform, Json all) {
    if (!all.is_object()) return all;  // CreateServer() reports it
    const auto given = all.find("platform");
    if (given != all.end() && *given != platform)
        throw UserError(pulse::sqlstate::kInvalidParameter,
                        "the option \"platform\" contradicts the argument \"platform\"", "",
                        "Leave the option out.");
    all["platform"] = platform;
    return all;
}

struct DestinationTest {
    std::string status, hint, text;
    int answer_status = 0;
    double milliseconds = 0;
    std::optional<audience::TokenGrant> renewed;  // to be kept when nothing is asked any more
};

void ReadOutcome(const audience::Answer& answer, const http::Response& response, DestinationTest& test) {
    using audience::Outcome;
    test.answer_status = response.status;
    test.milliseconds = response.milliseconds;
    test.text = answer.reason.empty() ? response.error : answer.reason;
    switch (answer.outcome) {
        case Outcome::kDone:
        case Outcome::kPending: test.status = "ok"; return;
        case Outcome::kRenewToken:
            test.status = "login";
            test.hint = "Give the user mapping of the destination another token: ALTER USER MAPPING.";
            return;
        case Outcome::kRetry:
        case Outcome::kThrottled:
        case Outcome::kPartial:
        case Outcome::kRestart:
            test.status = "failed";
            test.hint = "The failure may be temporary: try again, or correct the address.";
            return;
        default: break;
    }
    test.status = "refused";
    if (answer.outcome == Outcome::kBlocked) {
        test.hint = answer.advice;
        return;
    }
    test.hint = response.forbidden ? "The settings of this server do not allow it: see pulse.allow_http and "
                                     "pulse.allowed_hosts."
                                   : "Correct the options of the destination or of its user mapping.";
}

// How long the login is good; what cannot be read says nothing.
void ReadLogin(const audience::Destination& destination, const std::string& token) {
    if (pg::ReadOnly()) return;
    const audience::Answer answer =
        audience::ReadAnswer(destination, audience::Call::kLogin,
                             http::SendAndWait(audience::LoginRequest(destination, token)), pg::WallClock());
    if (answer.outcome != audience::Outcome::kDone || !answer.login) return;
    const pg::OwnerSession session;
    audience::NoteLoginEnd(destination.name, answer.login->ends);
}

void KeepRenewed(const std::string& name, const audience::TokenGrant& token) {
    if (pg::ReadOnly()) return;
    const pg::OwnerSession session;
    if (token.refresh_token) audience::KeepRefreshToken(name, *token.refresh_token);
    if (token.refresh_token || token.login_ends) audience::NoteLoginEnd(name, token.login_ends);
}

// Asks something that changes nothing: an access token, then an audience by a name that nobody has. Nothing
// is written before all has been asked: no row is locked meanwhile.
DestinationTest TryDestination(const audience::Destination& destination) {
    using audience::Call;
    DestinationTest test;
    if (destination.platform == audience::Platform::kFile) {
        test.status = "ok";
        test.text = "needs no network";
        return test;
    }
    std::string token = destination.Secret("access_token");
    if (audience::RenewsTokens(destination.platform) && !destination.Secret("refresh_token").empty()) {
        const http::Response response = http::SendAndWait(audience::RenewRequest(destination));
        const audience::Answer answer =
            audience::ReadAnswer(destination, Call::kRenew, response, pg::WallClock());
        ReadOutcome(answer, response, test);
        if (test.status != "ok" || !answer.token) return test;
        test.renewed = answer.token;
        token = answer.token->access_token;
    }
    if (destination.platform == audience::Platform::kWebhook) {
        audience::Upload upload;
        upload.audience = "test";
        upload.key = "test";
        const audience::Batch nobody;
        const http::Response response =
            http::SendAndWait(audience::UploadRequest(destination, token, upload, nobody, pg::WallClock()));
        ReadOutcome(audience::ReadAnswer(destination, Call::kUpload, response, pg::WallClock()), response,
                    test);
        return test;
    }
    const std::string name = "pulse connection test";
    const http::Response response = http::SendAndWait(audience::FindRequest(destination, token, name));
    ReadOutcome(audience::ReadAnswer(destination, Call::kFind, response, pg::WallClock(), name), response,
                test);
    if (test.status == "ok" && audience::TellsLogin(destination.platform)) ReadLogin(destination, token);
    return test;
}

}  // namespace

PULSE_FUNCTION(pulse_destination_validator) {
    pg::ValidateOptions(fcinfo, "pulse_destination", audience::DestinationOptions(),
                        audience::CheckDestinationOptions);
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_create_destination) {
    const pg::Args args(fcinfo);
    pg::ShowActivity("SELECT pulse_create_destination(...)");
    pg::HideStatement([&] {
        pg::RequireWritable("pulse_create_destination()");
        const std::string name = args.RequireText(0, "name");
        const std::string platform = args.RequireText(1, "platform");
        const Json all = WithPlatform(platform, args.Jsonb(2).value_or(Json::object()));
        pg::CheckServerOptions(audience::DestinationOptions(), all,
                               [&](const auto& server, const auto& mapping) {
                                   audience::MakeDestination(name, server, mapping);
                               });
        http::RequireTls(all, pg::settings::allow_http);
        pg::CreateServer("destination", name, "pulse_destination", audience::DestinationOptions(), all,
                         kDestinationExample);
        const pg::OwnerSession session;
        pg::Execute("DELETE FROM pulse.destination_state WHERE destination = $1", {Value::Text(name)});
        Json details = {{"platform", platform}};
        if (all.value("without_consent", "") == "send") details["without_consent"] = "send";
        pulse::audit::Write("destination.created", name, details);
    });
    PG_RETURN_VOID();
}

PULSE_FUNCTION(pulse_test_destination) {
    const std::string name = pg::Args(fcinfo).RequireText(0, "name");
    DestinationTest test;
    std::optional<audience::Destination> destination;
    try {
        const pg::OwnerSession session;
        destination = audience::LoadDestination(name);
    } catch (const UserError& error) {
        if (error.state() != pulse::sqlstate::kInvalidParameter) throw;
        test.status = "incomplete";
        test.text = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
        test.hint = error.hint();
    }
    if (destination) test = TryDestination(*destination);
    if (test.renewed) KeepRenewed(name, *test.renewed);
    if (test.status == "ok" && !pg::ReadOnly()) {
        const pg::OwnerSession session;
        audience::NoteSuccess(name);
    }
    const auto text = [](const std::string& value) {
        return value.empty() ? Value::Null(TEXTOID) : Value::Text(value);
    };
    pg::ResultSet results(fcinfo);
    results.Add({Value::Text(name), Value::Text(test.status),
                 test.answer_status ? Value::Int4(test.answer_status) : Value::Null(INT4OID), text(test.text),
                 test.answer_status ? Value::Float8(test.milliseconds) : Value::Null(FLOAT8OID),
                 text(test.hint)});
    return pg::ResultSet::Done();
}
