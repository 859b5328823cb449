// The hypothesis that a server is the cause: segments over several of its tables fell or failed at once, and
// segments elsewhere did not.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/context.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kMinShareHit = 0.5;    // of the server's segments
constexpr double kMostElsewhere = 0.3;  // of that share: so few are hit elsewhere
constexpr double kMostConfidence = 0.93;

double LogChoose(int64_t n, int64_t k) {
    const auto log_factorial = [](int64_t m) { return std::lgamma(static_cast<double>(m) + 1); };
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

// The probability that so many of those hit, or more, are on the server by chance: Fisher's exact test.
double ChanceOf(const ServerCounts& here, const ServerCounts& elsewhere) {
    const int64_t all = here.measured + elsewhere.measured, hit = here.hit + elsewhere.hit;
    double chance = 0;
    for (int64_t k = here.hit; k <= std::min(hit, here.measured); ++k)
        if (hit - k <= elsewhere.measured)
            chance += std::exp(LogChoose(here.measured, k) + LogChoose(elsewhere.measured, hit - k) -
                               LogChoose(all, hit));
    return std::min(chance, 1.0);
}

double ServerConfidence(const ServerIncidents& found) {
    const double share = static_cast<double>(found.here.hit) / static_cast<double>(found.here.measured);
    const double others = found.elsewhere.measured == 0 ? 0
                                                        : static_cast<double>(found.elsewhere.hit) /
                                                              static_cast<double>(found.elsewhere.measured);
    if (share < kMinShareHit || others > kMostElsewhere * share) return 0;
    // Without other segments to compare with, only their number speaks for the server.
    const double sure = found.elsewhere.measured == 0
                            ? 0.8 * (1 - std::pow(0.5, static_cast<double>(found.here.hit - 1)))
                            : 1 - std::sqrt(ChanceOf(found.here, found.elsewhere));
    return kMostConfidence * share * sure;
}

}  // namespace

void AddServerHypothesis(DiagnosisContext& context) {
    const DiagnosisInput& input = context.input;
    const bool failed = input.after && input.after->failed;
    const bool fell = input.detector == "size_change" && input.direction == "down";
    if (!input.on_server || !(failed || fell)) return;
    const ServerIncidents& found = *input.on_server;
    // One table that all of them read is the nearer cause.
    if (found.others.empty() || found.relations < 2) return;
    std::vector<std::string> names;
    std::vector<int64_t> incidents;
    for (const auto& [incident, segment] : found.others) {
        names.push_back(Short(segment));
        incidents.push_back(incident);
    }
    const std::string server = "server " + Short(input.server, 60);
    const std::string counts = Thousands(found.here.hit) + " of " + Thousands(found.here.measured) +
                               " segments of " + server + " fell or failed at the same time";
    const std::string elsewhere =
        found.elsewhere.measured == 0
            ? ""
            : "; elsewhere " + Thousands(found.elsewhere.hit) + " of " + Thousands(found.elsewhere.measured);
    const std::string id = context.AddEvidence("server", counts + elsewhere + ".",
                                               {{"server", input.server},
                                                {"segments", names},
                                                {"incidents", incidents},
                                                {"hit", found.here.hit},
                                                {"measured", found.here.measured},
                                                {"hit_elsewhere", found.elsewhere.hit},
                                                {"measured_elsewhere", found.elsewhere.measured}});
    std::vector<std::string> cited{id};
    if (!context.cited_size.empty()) cited.push_back(context.cited_size);
    context.AddHypothesis(Cause::kServerTrouble, ServerConfidence(found),
                          "The cause is on " + server + ": " + counts + " (this one, " + Listed(names) +
                              "), over several of its tables" + elsewhere + ".",
                          cited);
}

}  // namespace pulse::diagnosis
