// Any JSON is validated as an event without an exception: accepted with an id, a name and a time in the past,
// or rejected with a reason and a sentence.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "profile_json.hpp"
#include "pulse/profile/event_catalogue.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pulse::profile;
    pulse::profile::testing::TextReader reader;
    const auto node = reader.Parse(std::string(reinterpret_cast<const char*>(data), size));
    EventLimits limits;
    limits.received_at = 800'000'000 * pulse::kSecond;
    limits.max_size = 4096;
    limits.max_properties = 20;
    limits.max_depth = 5;
    limits.clock_skew = 5 * pulse::kMinute;
    const Event event = ValidateEvent(reader, ReadEventFields(reader, node), limits);
    if (event.Rejected() != !event.detail.empty()) std::abort();
    if (event.Rejected()) return 0;
    if (event.ids.empty() || event.name.empty() || event.time > limits.received_at) std::abort();
    for (const Identity& id : event.ids)
        if (id.value.empty()) std::abort();
    EventCatalogue catalogue;
    catalogue.Add(reader, event);
    if (nlohmann::json::parse(catalogue.Json(), nullptr, false).is_discarded()) std::abort();
    return 0;
}
