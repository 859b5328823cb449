// Bytes of a client through the gateway: checks, parser, router, and what reads queries, bodies and keys. The
// same bytes in two pieces must be read alike.
#include <cstdint>
#include <cstdlib>

#include "pulse/web/gateway/body_decoder.hpp"
#include "pulse/web/gateway/call.hpp"
#include "pulse/web/gateway/network.hpp"
#include "pulse/web/gateway/presented_key.hpp"
#include "pulse/web/gateway/request_reader.hpp"

using namespace pulse::web;  // NOLINT
using State = gateway::RequestReader::State;

namespace {

constexpr size_t kInflated = 1 << 16;
const gateway::RequestLimits kLimits{.head = 2'048, .target = 512, .body = 512, .large_body = 1'024};

// What became of the requests in the bytes, as text.
std::string Outcome(std::string_view bytes, size_t first) {
    gateway::RequestReader reader(kLimits);
    std::string text;
    State state = reader.Feed(bytes.substr(0, first));
    bool fed = first == bytes.size();
    for (;;) {
        if (state == State::kRefused) {
            // A chunk that is too large and malformed is refused for either.
            const int status = reader.refusal().status;
            return text + "refused " + std::to_string(status == 413 ? 400 : status);
        }
        if (state == State::kBody) {
            const State next = reader.Feed({});
            if (next != State::kBody || fed) {
                if (next == State::kBody) return text + "more";
                state = next;
                continue;
            }
        }
        if (state == State::kDone) {
            gateway::Request& request = reader.request();
            if (request.body.size() > kLimits.large_body) abort();
            text += request.method + " " + request.path + " " + request.query.value_or("-") + " " +
                    gateway::HeadersJson(request.headers) + " " + request.body + "\n";
            if (request.query) SplitQuery(*request.query);
            gateway::DigestOfKey(request);
            gateway::IsOurHost(gateway::Find(request.headers, "host"), {"pulse.example"}, true);
            gateway::FindClient({}, gateway::Find(request.headers, "x-forwarded-for"),
                                gateway::Find(request.headers, "x-forwarded-proto"),
                                gateway::Networks({"::/0"}));
            std::string body = request.body;
            gateway::DecodeBody(body, gateway::Find(request.headers, "content-encoding"), kInflated);
            if (body.size() > std::max(kInflated, kLimits.large_body)) abort();
            state = reader.Next();
            continue;
        }
        if (fed) return text + (state == State::kIdle ? "idle" : "more");
        fed = true;
        state = reader.Feed(bytes.substr(first));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    // A body that is inflated by itself, so that the fuzzer need not find a whole request around it.
    std::string body(bytes);
    gateway::DecodeBody(body, size > 0 && data[0] % 2 == 0 ? "deflate" : "gzip", kInflated);
    const std::string whole = Outcome(bytes, size);
    const size_t middle = size == 0 ? 0 : data[size / 2] % size;
    if (Outcome(bytes, middle) != whole) abort();
    return 0;
}
