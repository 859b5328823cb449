// For any texts and figures of an incident, the payload of every kind of channel is valid and within its
// limits, and text from users is escaped.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <delivery_limits.hpp>

#include "pulse/base/json.hpp"

namespace delivery = pulse::delivery;

namespace {

// Takes pieces off the front of the input.
struct Input {
    const uint8_t* data;
    size_t size;
    // What repeated texts may add: one that passes every limit is enough, and many would take seconds.
    size_t room = 24'000;

    uint8_t Byte() {
        if (size == 0) return 0;
        --size;
        return *data++;
    }
    // Some texts are repeated, so that they are long.
    std::string Text() {
        const size_t wanted = Byte() % 64, times = Byte() % 8 == 7 ? 1 + Byte() * 8 : 1;
        const size_t length = std::min(wanted, size);
        const std::string piece(reinterpret_cast<const char*>(data), length);
        data += length;
        size -= length;
        std::string text;
        for (size_t i = 0; i < times && (i == 0 || text.size() < room); ++i) text += piece;
        if (times > 1) room -= std::min(room, text.size());
        return text;
    }
    double Number() {
        uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | Byte();
        double number;
        std::memcpy(&number, &bits, sizeof number);
        return number;
    }
};

delivery::IncidentSummary ReadIncidentSummary(Input& input) {
    static constexpr const char* kStatus[] = {"open", "acknowledged", "resolved", "ignored"};
    static constexpr const char* kSeverity[] = {"low", "medium", "high", "critical"};
    delivery::IncidentSummary story;
    const uint8_t flags = input.Byte();
    story.incident = input.Byte();
    story.status = kStatus[flags & 3];
    story.severity = kSeverity[flags >> 2 & 3];
    story.is_table = flags & 16;
    story.counts_people = flags & 32;
    for (std::string* text :
         {&story.subject, &story.owner, &story.detector, &story.attribute, &story.summary, &story.cause,
          &story.advice, &story.advice_reason, &story.advice_sql, &story.resolved_by, &story.acknowledge_sql})
        *text = input.Text();
    if (flags & 64) story.url = "https://x/" + input.Text();
    for (int i = input.Byte() % 12; i > 0; --i) story.what_changed.push_back(input.Text());
    for (int i = input.Byte() % 8; i > 0; --i) story.more_advice.emplace_back(input.Text(), input.Text());
    story.baseline = input.Number();
    story.observed = input.Number();
    story.change = input.Number();
    story.confidence = input.Number();
    if (flags & 128) story.people_lost = static_cast<int64_t>(input.Number() > 0 ? 1'000'000 : -5);
    story.since = story.opened_at = 800'000'000'000'000 + int64_t{input.Byte()} * pulse::kDay;
    if (flags & 2) story.closed_at = story.since + input.Byte() * pulse::kHour;
    return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::vector<delivery::Channel> channels = pulse::testing::AllChannels();
    static constexpr const char* kEvents[] = {"opened",    "worsened", "acknowledged", "resolved",
                                              "escalated", "digest",   "test",         "eased"};
    Input input{data, size};
    delivery::Envelope envelope{"msg_1", input.Byte() & 1 ? "msg_1" : "msg_0", kEvents[input.Byte() % 8],
                                input.Text(), 800'000'000'000'000};
    std::vector<delivery::IncidentSummary> stories;
    const size_t count = 1 + input.Byte() % 4, times = input.Byte() % 16 == 15 ? 40 : 1;
    for (size_t i = 0; i < count; ++i) stories.push_back(ReadIncidentSummary(input));
    for (size_t i = 1; i < times; ++i) stories.push_back(stories.front());
    for (const delivery::Channel& channel : channels) {
        const nlohmann::json payload = delivery::MakePayload(channel, envelope, stories);
        const std::string trouble = pulse::testing::Trouble(channel, envelope, payload);
        if (!trouble.empty()) {
            std::fprintf(stderr, "%s: %s\n", channel.name.c_str(), trouble.c_str());
            std::abort();
        }
        if (nlohmann::json::parse(pulse::DumpJson(payload)) != payload) std::abort();
        (void)delivery::MakeRequest(channel, envelope, payload, envelope.created_at);
    }
    return 0;
}
