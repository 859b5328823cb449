// Any bytes as a TC, GPP or US privacy string, and any JSON as the consent of an event, are read without an
// exception; only what was read grants anything.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "profile_json.hpp"
#include "pulse/profile/consent_event.hpp"
#include "pulse/profile/consent_gpp.hpp"
#include "pulse/profile/consent_tcf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pulse::profile;
    const std::string text(reinterpret_cast<const char*>(data), size);
    std::string problem;
    if (!ReadTcf(text, 755, problem) && problem.empty()) std::abort();
    problem.clear();
    if (!ReadGpp(text, problem) && problem.empty()) std::abort();
    ReadUsPrivacy(text);

    pulse::profile::testing::TextReader reader;
    const ConsentNames names{{{"ads", {"Ads"}}, {"all", {}}, {"email", {}}}, 755};
    const auto node = reader.Parse(text);
    for (const EventConsent& said : ReadEventConsent(reader, node, node, node, names).statements)
        if (said.purpose.empty() || nlohmann::json::parse(said.proof, nullptr, false).is_discarded())
            std::abort();
    return 0;
}
