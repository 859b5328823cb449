#include "pulse/insight/event_blame.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "pulse/drift/rate_test.hpp"
#include "pulse/drift/statistics/attribution.hpp"

namespace pulse::insight {

namespace {

constexpr double kExplains = 0.7;     // of the change, at least
constexpr double kBeyondShare = 0.2;  // and so much more than its share of the events
constexpr int64_t kNamedFrom = 10;    // people
constexpr double kAll = 0.95;

std::string BlameSentence(const BlamedChange& change, const ContextCount& count, double expected) {
    const std::string who = count.dimension + " " + count.value;
    const auto now = static_cast<double>(count.now);
    if (!change.property.empty()) {
        const double share = now > 0 ? static_cast<double>(count.bad) / now : 0;
        const std::string how_often =
            share >= kAll ? "" : " in " + drift::Percent(share, 0) + " of its events";
        if (!change.type.empty())
            return who + " sends `" + change.property + "` as " + change.type + how_often;
        return share >= kAll ? who + " stopped sending `" + change.property + "`"
                             : who + " leaves out `" + change.property + "`" + how_often;
    }
    if (count.now == 0) return who + " stopped sending `" + change.event + "`";
    if (now < expected)
        return who + " sends " + drift::Percent(1 - now / expected, 0) + " fewer `" + change.event + "`";
    return expected < 1
               ? who + " began to send `" + change.event + "`"
               : who + " sends " + drift::Fixed(now / expected, 1) + " times as many `" + change.event + "`";
}

}  // namespace

nlohmann::json Blame::Json() const {
    return {{"dimension", dimension}, {"value", value}, {"explained", explained}, {"sentence", sentence}};
}

std::optional<Blame> FindBlame(const BlamedChange& change, const std::vector<ContextCount>& counts) {
    std::map<std::string, std::vector<const ContextCount*>> dimensions;
    for (const ContextCount& count : counts) dimensions[count.dimension].push_back(&count);
    std::optional<Blame> best;
    double best_score = kBeyondShare;
    for (const auto& [dimension, values] : dimensions) {
        double before = 0, now = 0;
        for (const ContextCount* one : values) {
            before += static_cast<double>(one->before);
            now += static_cast<double>(one->now);
        }
        std::vector<double> forecast, actual, weight;
        for (const ContextCount* one : values) {
            const auto events = static_cast<double>(one->now);
            if (change.property.empty()) {
                const double share = before > 0 ? static_cast<double>(one->before) / before : 0;
                forecast.push_back(share * change.expected);
                actual.push_back(events);
                weight.push_back(change.observed < change.expected ? share : now > 0 ? events / now : 0);
            } else {
                forecast.push_back(events * change.expected);
                actual.push_back(static_cast<double>(one->bad));
                weight.push_back(now > 0 ? events / now : 0);
            }
        }
        const drift::statistics::Attribution parts = drift::statistics::Attribute(forecast, actual);
        if (parts.status != drift::statistics::StatisticStatus::kOk) continue;
        for (size_t i = 0; i < values.size(); ++i) {
            // What grew by itself, as a new version does, explains a rise only as far as it is beyond its
            // share.
            const double score = parts.explained[i] - weight[i];
            if (parts.explained[i] < kExplains || score <= best_score || values[i]->people < kNamedFrom ||
                values[i]->value.empty())
                continue;
            best_score = score;
            best = Blame{dimension, values[i]->value, BlameSentence(change, *values[i], forecast[i]),
                         std::min(parts.explained[i], 1.0)};
        }
    }
    return best;
}

}  // namespace pulse::insight
