#include "pulse/diagnosis/agent_exchange.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kMaxResponseBytes = 1 << 20;  // bytes read from a response
constexpr size_t kMaxStoredBytes = 256 << 10;  // bytes of a response that is used and stored

// A response that is not JSON may contain characters that the database cannot store.
std::string Excerpt(const std::string& body) {
    std::string text = body.substr(0, 2000) + (body.size() > 2000 ? " (cut)" : "");
    for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x7f || (c < ' ' && c != '\n')) c = '?';
    return text;
}

}  // namespace

http::Request MakeRequest(const Model& model, const std::string& body) {
    http::Request request;
    request.url = model.url;
    request.headers = Headers(model);
    request.body = body;
    request.connect_timeout = model.connect_timeout;
    request.timeout = model.timeout;
    request.max_answer = kMaxResponseBytes;
    request.ca_file = model.ca_file;
    if (!model.api_key.empty()) request.secrets.push_back(model.api_key);
    return request;
}

AgentResponse ReadResponse(const Model& model, const RequestUsage& estimate, const http::Response& response) {
    AgentResponse read;
    read.retry = true;
    const std::optional<Json> body = ParseModelJson(response.body);
    std::optional<ModelReply> reply;
    const bool too_long = response.body.size() > kMaxStoredBytes;
    if (!response.ok()) {
        const ModelError failure = ReadModelError(response.status, response.body);
        read.error = response.error.empty() ? failure.reason : response.error;
        // The status of a complete response decides whether a retry may help.
        read.retry = response.error.empty() ? failure.retry : !response.forbidden;
    } else if (too_long) {
        read.error = "the model's server answered more than " + std::to_string(kMaxStoredBytes >> 10) + " kB";
        read.retry = false;
    } else if (!body) {
        read.error = "the model's server did not answer with JSON";
    } else {
        reply = ReadReply(model.protocol, *body, 1, read.error);
    }
    read.replied = reply.has_value();
    read.answered = body && !too_long ? *body : response.body.empty() ? Json() : Json(Excerpt(response.body));
    // A 4xx or 5xx response is free of charge; any other request that was sent may have been charged.
    if (reply || (response.sent && (!response.error.empty() || response.status < 400)))
        read.charged = ChargedUsage(model, estimate, reply ? &*reply : nullptr, response.body.size());
    return read;
}

}  // namespace pulse::diagnosis
