#include "pulse/audience/request.hpp"

#include <stdexcept>

#include "pulse/base/ascii.hpp"
#include "pulse/base/json.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/sign.hpp"
#include "wire.hpp"

namespace pulse::audience {

namespace {

using K = IdentifierKind;
using nlohmann::json;

// Answers list up to 10,000 rows.
constexpr size_t kMostAnswer = 2 << 20;
constexpr const char* kMetaUsage = "x-business-use-case-usage";

using Query = std::vector<std::pair<std::string, std::string>>;

std::string Encode(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        constexpr const char* kDigits = "0123456789ABCDEF";
        if (IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.' || c == '~') {
            encoded += c;
        } else {
            encoded += '%';
            encoded += kDigits[static_cast<unsigned char>(c) >> 4];
            encoded += kDigits[static_cast<unsigned char>(c) & 15];
        }
    }
    return encoded;
}

// name=value&…
std::string Form(const Query& pairs) {
    std::string text;
    for (const auto& [name, value] : pairs)
        text += (text.empty() ? "" : "&") + Encode(name) + "=" + Encode(value);
    return text;
}

std::string BaseUrl(const Destination& destination) {
    std::string base = destination.Option("base_url");
    while (base.ends_with('/')) base.pop_back();
    const bool own = !base.empty();
    switch (destination.platform) {
        case Platform::kMeta:
            return (own ? base : "https://graph.facebook.com") + "/" + destination.Option("api_version");
        case Platform::kGoogle: return (own ? base : "https://datamanager.googleapis.com") + "/v1";
        case Platform::kTiktok: return (own ? base : "https://business-api.tiktok.com") + "/open_api/v1.3";
        case Platform::kSnapchat: return (own ? base : "https://adsapi.snapchat.com") + "/v1";
        default: return "";
    }
}

int SpanOption(const Destination& destination, const char* option) {
    return options::ParseSpan(destination.Option(option)).value_or(30'000);
}

http::Request Start(const Destination& destination, const char* method, const std::string& url) {
    http::Request request;
    request.method = method;
    request.url = url;
    request.connect_timeout = SpanOption(destination, "connect_timeout");
    request.timeout = SpanOption(destination, "timeout");
    request.ca_file = destination.Option("ca_file");
    request.max_answer = kMostAnswer;
    return request;
}

// The proof of Meta that the request comes from the app: hexadecimal HMAC of the token.
std::string AppProof(const std::string& app_secret, const std::string& token) {
    return delivery::StratumSignature(app_secret, token).substr(std::string_view("sha256=").size());
}

// A request to a platform, with its token.
http::Request Authorised(const Destination& destination, const std::string& token, const char* method,
                         const std::string& path, Query query = {}, const json* body = nullptr) {
    if (destination.platform == Platform::kMeta) {
        query.emplace_back("access_token", token);
        const std::string secret = destination.Secret("app_secret");
        if (!secret.empty()) query.emplace_back("appsecret_proof", AppProof(secret, token));
    }
    http::Request request =
        Start(destination, method, BaseUrl(destination) + path + (query.empty() ? "" : "?" + Form(query)));
    if (destination.platform == Platform::kMeta) {
        request.keep = {kMetaUsage};
        if (query.back().first == "appsecret_proof") request.secrets.push_back(query.back().second);
    }
    if (destination.platform == Platform::kTiktok) request.headers.emplace_back("Access-Token", token);
    if (destination.platform == Platform::kGoogle || destination.platform == Platform::kSnapchat)
        request.headers.emplace_back("Authorization", "Bearer " + token);
    if (body) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = DumpJson(*body);
    }
    if (!token.empty()) request.secrets.push_back(token);
    return request;
}

[[noreturn]] void ThrowNoCall(Platform platform, const char* call) {
    throw std::logic_error(std::string(Title(platform)) + " has no call to " + call);
}

std::string Account(const Destination& destination) {
    return AccountId(destination, "account");
}

bool Sends(const Destination& destination, bool (*wanted)(K)) {
    for (const K kind : destination.identifiers)
        if (wanted(kind)) return true;
    return false;
}

// ---- Google's user lists ----

std::string UserLists(const Destination& destination) {
    return "/accountTypes/GOOGLE_ADS/accounts/" + Account(destination) + "/userLists";
}

http::Request GoogleList(const Destination& destination, const std::string& token, const char* method,
                         const std::string& path, const Query& query = {}, const json* body = nullptr) {
    http::Request request = Authorised(destination, token, method, path, query, body);
    const std::string login = AccountId(destination, "login_account");
    request.headers.emplace_back("login-account", "accountTypes/GOOGLE_ADS/accounts/" +
                                                      (login.empty() ? Account(destination) : login));
    return request;
}

json GoogleListBody(const Destination& destination, const AudienceText& text) {
    json keys = json::array();
    json list;
    if (Sends(destination, [](K kind) { return !IsMobile(kind) && kind != K::kExternalId; }))
        keys.push_back("CONTACT_ID");
    if (Sends(destination, [](K kind) { return kind == K::kExternalId; })) keys.push_back("USER_ID");
    if (Sends(destination, [](K kind) { return IsMobile(kind); })) {
        keys.push_back("MOBILE_ID");
        list["mobileIdInfo"] = {
            {"appId", destination.Option("app_id")},
            {"keySpace", destination.Option("mobile_system") == "ios" ? "IOS" : "ANDROID"},
            {"dataSourceType", "DATA_SOURCE_TYPE_FIRST_PARTY"}};
    }
    list["uploadKeyTypes"] = std::move(keys);
    const int64_t days = options::ParseWhole(destination.Option("membership_days")).value_or(540);
    return {{"displayName", text.name},
            {"description", text.description},
            {"membershipDuration", std::to_string(days * 24 * 60 * 60) + "s"},
            {"ingestedUserListInfo", std::move(list)}};
}

json SnapchatSegment(const Destination& destination, const AudienceText& text) {
    const auto days = options::Value(destination.server, "membership_days");
    json segment = {{"name", delivery::Clean(text.name, 375)},
                    {"description", text.description},
                    {"source_type", "FIRST_PARTY"},
                    {"retention_in_days", days ? options::ParseWhole(*days).value_or(9999) : 9999},
                    {"ad_account_id", Account(destination)}};
    return {{"segments", json::array({std::move(segment)})}};
}

std::string UploadPath(const Destination& destination, const Upload& upload, Operation operation) {
    switch (destination.platform) {
        case Platform::kMeta:
            return "/" + Encode(upload.audience) + (upload.replace ? "/usersreplace" : "/users");
        case Platform::kGoogle:
            return operation == Operation::kAdd ? "/audienceMembers:ingest" : "/audienceMembers:remove";
        case Platform::kTiktok: return "/segment/mapping/";
        default: return "/segments/" + Encode(upload.audience) + "/users";
    }
}

http::Request WebhookRequest(const Destination& destination, const Upload& upload, const Batch& batch,
                             Moment now) {
    http::Request request = Start(destination, "POST", destination.Secret("url"));
    request.max_answer = 64 * 1024;
    request.body = DumpJson(WebhookBody(destination, upload, batch, now));
    const std::string secret = destination.Secret("secret");
    const int64_t time = delivery::UnixTime(now);
    request.headers = {{"Content-Type", "application/json"},
                       {"webhook-id", upload.key},
                       {"webhook-timestamp", std::to_string(time)}};
    if (const auto key = delivery::SigningKey(secret))
        request.headers.emplace_back("webhook-signature",
                                     delivery::Signature(*key, upload.key, time, request.body));
    request.secrets = {secret, request.url};
    return request;
}

}  // namespace

http::Request CreateRequest(const Destination& destination, const std::string& token,
                            const AudienceText& text) {
    json body;
    switch (destination.platform) {
        case Platform::kMeta:
            body = {{"name", text.name},
                    {"subtype", "CUSTOM"},
                    {"description", text.description},
                    {"customer_file_source", destination.Option("customer_file_source")}};
            return Authorised(destination, token, "POST", "/act_" + Account(destination) + "/customaudiences",
                              {}, &body);
        case Platform::kGoogle:
            body = GoogleListBody(destination, text);
            return GoogleList(destination, token, "POST", UserLists(destination), {}, &body);
        case Platform::kTiktok:
            body = {{"advertiser_id", Account(destination)},
                    {"action", "create"},
                    {"custom_audience_name", TiktokName(text.name)}};
            return Authorised(destination, token, "POST", "/segment/audience/", {}, &body);
        case Platform::kSnapchat:
            body = SnapchatSegment(destination, text);
            return Authorised(destination, token, "POST", "/adaccounts/" + Account(destination) + "/segments",
                              {}, &body);
        default: ThrowNoCall(destination.platform, "create audiences");
    }
}

http::Request FindRequest(const Destination& destination, const std::string& token, const std::string& name,
                          int page) {
    switch (destination.platform) {
        case Platform::kMeta:
            return Authorised(destination, token, "GET", "/act_" + Account(destination) + "/customaudiences",
                              {{"fields", "id,name"}, {"limit", "500"}});
        case Platform::kGoogle:
            return GoogleList(destination, token, "GET", UserLists(destination), {{"pageSize", "1000"}});
        case Platform::kTiktok:
            return Authorised(destination, token, "GET", "/dmp/custom_audience/list/",
                              {{"advertiser_id", Account(destination)},
                               {"page", std::to_string(page)},
                               {"page_size", "100"}});
        case Platform::kSnapchat:
            return Authorised(destination, token, "GET", "/adaccounts/" + Account(destination) + "/segments");
        default: ThrowNoCall(destination.platform, ("find " + name).c_str());
    }
}

http::Request UploadRequest(const Destination& destination, const std::string& token, const Upload& upload,
                            const Batch& batch, Moment now) {
    const bool removes = batch.operation == Operation::kRemove;
    json body;
    switch (destination.platform) {
        case Platform::kMeta: body = MetaBody(destination, upload, batch); break;
        case Platform::kGoogle: body = GoogleBody(destination, upload, batch); break;
        case Platform::kTiktok: body = TiktokBody(destination, upload, batch); break;
        case Platform::kSnapchat: body = SnapchatBody(upload, batch); break;
        case Platform::kWebhook: return WebhookRequest(destination, upload, batch, now);
        case Platform::kFile: ThrowNoCall(destination.platform, "upload: use FileLines()");
    }
    // Meta and Snapchat remove by a DELETE with a body.
    const bool deletes =
        removes && (destination.platform == Platform::kMeta || destination.platform == Platform::kSnapchat);
    return Authorised(destination, token, deletes ? "DELETE" : "POST",
                      UploadPath(destination, upload, batch.operation), {}, &body);
}

http::Request RemoveAllRequest(const Destination& destination, const std::string& token,
                               const std::string& audience, Moment as_of) {
    if (destination.platform != Platform::kGoogle) ThrowNoCall(destination.platform, "remove all members");
    const json body = {{"destinations", GoogleDestinations(destination, audience)},
                       {"removeAsOfTime", delivery::IsoTime(as_of)}};
    return Authorised(destination, token, "POST", "/audienceMembers:removeAll", {}, &body);
}

http::Request AudienceRequest(const Destination& destination, const std::string& token,
                              const std::string& audience) {
    switch (destination.platform) {
        case Platform::kMeta:
            return Authorised(
                destination, token, "GET", "/" + Encode(audience),
                {{"fields",
                  "name,approximate_count_lower_bound,approximate_count_upper_bound,operation_status,"
                  "delivery_status,time_updated"}});
        case Platform::kGoogle:
            return GoogleList(destination, token, "GET", UserLists(destination) + "/" + Encode(audience));
        case Platform::kTiktok:
            return Authorised(destination, token, "GET", "/dmp/custom_audience/get/",
                              {{"advertiser_id", Account(destination)},
                               {"custom_audience_ids", DumpJson(json::array({audience}))}});
        case Platform::kSnapchat:
            return Authorised(destination, token, "GET", "/segments/" + Encode(audience));
        default: ThrowNoCall(destination.platform, "read an audience");
    }
}

http::Request ProgressRequest(const Destination& destination, const std::string& token,
                              const std::string& audience, const std::string& upload) {
    switch (destination.platform) {
        case Platform::kMeta:
            return Authorised(destination, token, "GET", "/" + Encode(audience) + "/sessions",
                              {{"session_id", upload}});
        case Platform::kGoogle:
            return Authorised(destination, token, "GET", "/requestStatus:retrieve", {{"requestId", upload}});
        default: ThrowNoCall(destination.platform, "ask about an upload");
    }
}

http::Request DeleteRequest(const Destination& destination, const std::string& token,
                            const std::string& audience) {
    switch (destination.platform) {
        case Platform::kMeta: return Authorised(destination, token, "DELETE", "/" + Encode(audience));
        case Platform::kGoogle:
            return GoogleList(destination, token, "DELETE", UserLists(destination) + "/" + Encode(audience));
        case Platform::kTiktok: {
            const json body = {{"advertiser_id", Account(destination)},
                               {"action", "delete"},
                               {"delete_audience_id", audience}};
            return Authorised(destination, token, "POST", "/segment/audience/", {}, &body);
        }
        case Platform::kSnapchat:
            return Authorised(destination, token, "DELETE", "/segments/" + Encode(audience));
        default: ThrowNoCall(destination.platform, "delete an audience");
    }
}

int64_t ProgressDelay(Platform platform, int checks) {
    // Google: after half an hour, then ever less often, up to a day. Meta counts within minutes.
    const int64_t first = platform == Platform::kGoogle ? 30 * kMinute : kMinute, most = kDay;
    if (!FactsOf(platform).reports_progress || checks < 1) return 0;
    int64_t delay = first, elapsed = first;
    for (int i = 1; i < checks; ++i) {
        delay *= 2;
        elapsed += delay;
        if (elapsed > most) return 0;
    }
    return delay;
}

bool TellsLogin(Platform platform) {
    return platform == Platform::kMeta;
}

http::Request LoginRequest(const Destination& destination, const std::string& token) {
    if (!TellsLogin(destination.platform)) ThrowNoCall(destination.platform, "ask about a login");
    return Authorised(destination, token, "GET", "/debug_token", {{"input_token", token}});
}

bool RenewsTokens(Platform platform) {
    return platform == Platform::kGoogle || platform == Platform::kSnapchat;
}

http::Request RenewRequest(const Destination& destination) {
    if (!RenewsTokens(destination.platform)) ThrowNoCall(destination.platform, "renew tokens");
    for (const char* option : {"refresh_token", "client_id", "client_secret"})
        if (destination.Secret(option).empty())
            throw options::Incomplete(
                "destination \"" + destination.name + "\" cannot renew its access token",
                options::Holder::kMapping, "\"" + std::string(option) + "\"",
                "Set the options refresh_token, client_id and client_secret.");
    const std::string own = destination.Option("token_url");
    const char* url = destination.platform == Platform::kGoogle
                          ? "https://oauth2.googleapis.com/token"
                          : "https://accounts.snapchat.com/login/oauth2/access_token";
    http::Request request = Start(destination, "POST", own.empty() ? url : own);
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = Form({{"grant_type", "refresh_token"},
                         {"client_id", destination.Secret("client_id")},
                         {"client_secret", destination.Secret("client_secret")},
                         {"refresh_token", destination.Secret("refresh_token")}});
    // Not the refresh token: the answer may repeat it, and it must be read.
    request.secrets.push_back(destination.Secret("client_secret"));
    return request;
}

}  // namespace pulse::audience
