// Destinations of every platform, for tests and fuzz targets.
#pragma once

#include <string>
#include <vector>

#include "pulse/audience/answer.hpp"

namespace pulse::testing {

inline audience::Destination MakeAudienceDestination(audience::Platform platform, options::List more = {},
                                                     options::List mapping = {}) {
    using audience::Platform;
    options::List server = {{"platform", audience::Name(platform)}};
    if (platform == Platform::kMeta || platform == Platform::kTiktok) {
        server.emplace_back("account", platform == Platform::kMeta ? "act_1234567890" : "7000000000001");
        mapping.emplace_back("access_token", "token-of-the-platform");
    }
    if (platform == Platform::kGoogle || platform == Platform::kSnapchat) {
        server.emplace_back("account", platform == Platform::kGoogle
                                           ? "769-372-9833"
                                           : "1f0b2d3c-0000-4000-8000-000000000001");
        mapping.emplace_back("refresh_token", "refresh-token-1");
        mapping.emplace_back("client_id", "client-1");
        mapping.emplace_back("client_secret", "client-secret-1");
    }
    if (platform == Platform::kWebhook) {
        mapping.emplace_back("url", "https://example.com/hooks/audience-0123456789");
        mapping.emplace_back("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }
    server.insert(server.end(), more.begin(), more.end());
    return audience::MakeDestination("news", server, mapping);
}

inline http::Response MakeAudienceResponse(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    response.content_type = "application/json";
    return response;
}

inline std::string MetaErrorBody(int code, int subcode = 0) {
    return R"({"error":{"message":"said","type":"OAuthException","code":)" + std::to_string(code) +
           (subcode ? ",\"error_subcode\":" + std::to_string(subcode) : "") + R"(,"fbtrace_id":"x"}})";
}

inline const Moment kAnswerTime = *ParseMoment("2026-11-30 18:00");

inline audience::Answer ReadAudienceAnswer(audience::Platform platform, int status, const std::string& body,
                                           audience::Call call = audience::Call::kUpload,
                                           const std::string& name = "") {
    return audience::ReadAnswer(MakeAudienceDestination(platform), call, MakeAudienceResponse(status, body),
                                kAnswerTime, name);
}

}  // namespace pulse::testing
