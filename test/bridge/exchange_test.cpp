// Sends HTTP and SMTP requests from SQL.
#include <fstream>

#include <nlohmann/json.hpp>

#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/entry.hpp"

namespace pg = pulse::pg;
namespace http = pulse::http;
using nlohmann::json;

namespace {

http::Request ReadRequest(const json& from) {
    http::Request request;
    request.method = from.value("method", request.method);
    request.url = from.at("url");
    request.body = from.value("body", "");
    request.connect_timeout = from.value("connect_timeout", request.connect_timeout);
    request.timeout = from.value("timeout", request.timeout);
    request.max_answer = from.value("max_answer", request.max_answer);
    request.ca_file = from.value("ca_file", "");
    request.secrets = from.value("secrets", request.secrets);
    for (const auto& header : from.value("headers", json::array()))
        request.headers.emplace_back(header.at(0), header.at(1));
    if (from.contains("mail")) {
        const json& mail = from["mail"];
        request.mail =
            http::Mail{mail.value("from", ""), mail.value("to", std::vector<std::string>()),
                       mail.value("user", ""), mail.value("password", ""), mail.value("require_tls", true)};
    }
    return request;
}

json Write(uint64_t number, const http::Response& answer) {
    return {{"number", number},
            {"status", answer.status},
            {"content_type", answer.content_type},
            {"body", answer.body},
            {"retry_after", answer.retry_after ? json(*answer.retry_after) : json()},
            {"error", answer.error},
            {"forbidden", answer.forbidden},
            {"milliseconds", answer.milliseconds}};
}

http::ClientLimits ReadLimits(const json& from) {
    http::ClientLimits limits;
    limits.requests = from.value("requests", limits.requests);
    limits.per_host = from.value("per_host", limits.per_host);
    limits.rules = http::AddressRules(from.value("allowed_hosts", "*"), from.value("allow_http", false));
    limits.agent = "Pulse/test";
    return limits;
}

int64_t AnonymousKilobytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8));
    return 0;
}

}  // namespace

// Sends all requests at once; returns the answers in order of arrival.
PULSE_FUNCTION(bridge_exchange) {
    const pg::Args args(fcinfo);
    const json requests = args.RequireJsonb(0, "requests");
    json answers = json::array();
    {
        http::Exchange exchange(ReadLimits(args.RequireJsonb(1, "limits")));
        for (size_t i = 0; i < requests.size(); ++i) exchange.Send(i, ReadRequest(requests[i]));
        while (exchange.in_flight() > 0)
            for (const auto& [number, answer] : exchange.Wait(-1)) answers.push_back(Write(number, answer));
    }
    return pg::FromJson(answers);
}

// Sends the same request many times, with a limit on concurrent ones.
PULSE_FUNCTION(bridge_exchange_load) {
    const pg::Args args(fcinfo);
    const http::Request request = ReadRequest(args.RequireJsonb(0, "request"));
    const int64_t count = args.Int8(2).value_or(1), at_once = args.Int8(3).value_or(1);
    int64_t sent = 0, good = 0, warm = 0;
    {
        http::Exchange exchange(ReadLimits(args.RequireJsonb(1, "limits")));
        int64_t came = 0;
        while (came < count) {
            while (sent < count && static_cast<int64_t>(exchange.in_flight()) < at_once)
                exchange.Send(static_cast<uint64_t>(sent++), request);
            for (const auto& [number, answer] : exchange.Wait(-1)) {
                ++came;
                good += answer.ok();
                if (came == count / 4) warm = AnonymousKilobytes();
            }
        }
    }
    return pg::FromJson(json{{"good", good}, {"kilobytes_grown", AnonymousKilobytes() - warm}});
}
