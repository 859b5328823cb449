// The hypothesis that a server is the cause: segments over several of its tables fell or failed at once, and
// segments elsewhere did not.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

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

namespace {

// How one server of the segment changed, and all others together.
struct ServerMove {
    std::string server;
    int64_t before = 0, after = 0, others_before = 0, others_after = 0;

    double Relative() const { return RelativeChange(before, after); }
    double OfOthers() const { return RelativeChange(others_before, others_after); }
    static double RelativeChange(int64_t before, int64_t after) {
        return static_cast<double>(after - before) / static_cast<double>(std::max<int64_t>(before, 1));
    }
};

// The server that moved most in the direction of the segment; nothing unless both snapshots have the same
// servers.
std::optional<ServerMove> MostMovedServer(const SegmentSnapshot& before, const SegmentSnapshot& after,
                                          int64_t growth) {
    std::optional<ServerMove> most;
    if (before.sizes_by_server.size() < 2 || before.sizes_by_server.size() != after.sizes_by_server.size())
        return most;
    for (const auto& [server, size] : before.sizes_by_server) {
        const auto now = after.sizes_by_server.find(server);
        if (now == after.sizes_by_server.end()) return std::nullopt;
        const ServerMove move{server, size, now->second, before.size - size, after.size - now->second};
        const int64_t step = (move.after - move.before) * (growth < 0 ? -1 : 1);
        if (step > 0 && (!most || step > std::abs(most->after - most->before))) most = move;
    }
    return most;
}

}  // namespace

void AddOneServerHypothesis(DiagnosisContext& context) {
    constexpr double kMinShare = 0.7;    // of the change of size
    constexpr double kMinChange = 0.05;  // of the segment
    const DiagnosisInput& input = context.input;
    if (!context.comparable || context.growth() == 0 || std::abs(context.relative()) < kMinChange ||
        (context.change_type != ChangeType::kSize && context.change_type != ChangeType::kChurn))
        return;
    const std::optional<ServerMove> move = MostMovedServer(*input.before, *input.after, context.growth());
    if (!move) return;
    const double share = std::min(
        1.0, static_cast<double>(move->after - move->before) / static_cast<double>(context.growth()));
    // Where all move alike, none of them is the cause.
    const double alike = std::min(1.0, std::abs(move->OfOthers() / move->Relative()));
    if (share < kMinShare || alike > 1 - kMinShare) return;
    const std::string sentence = "Only " + Short(move->server, 60) +
                                 (context.growth() < 0 ? " fell: " : " grew: ") + Thousands(move->before) +
                                 " → " + Thousands(move->after) + " " + input.words.members + " (" +
                                 SignedPercent(move->Relative()) + "); the other servers together " +
                                 Thousands(move->others_before) + " → " + Thousands(move->others_after) + ".";
    const std::string id = context.AddEvidence("one_server", sentence,
                                               {{"server", move->server},
                                                {"before", move->before},
                                                {"after", move->after},
                                                {"others_before", move->others_before},
                                                {"others_after", move->others_after}});
    std::vector<std::string> cited{id};
    if (!context.cited_size.empty()) cited.push_back(context.cited_size);
    RecommendationSubject subject;
    subject.server = move->server;
    context.AddHypothesis(Cause::kServerTrouble, kMostConfidence * share * (1 - alike),
                          "The cause is on server " + Short(move->server, 60) + ". " + sentence, cited,
                          subject);
}

}  // namespace pulse::diagnosis
