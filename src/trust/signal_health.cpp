// The parts of a score, what they say, and the state.
#include "pulse/trust/signal_health.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "pulse/base/duration.hpp"
#include "pulse/base/number.hpp"

namespace pulse::trust {

namespace {

using json = nlohmann::json;

// Where nothing is known.
constexpr double kAssumedEmq = 75, kAssumedFreshness = 50, kAssumedVariance = 80, kAssumedAnomaly = 90,
                 kAssumedCdp = 75;
constexpr double kStep = 0.01;  // scores are hundredths
constexpr size_t kMostListed = 20;

std::string Capitalized(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

double Hundredth(double number) {
    return std::isfinite(number) ? std::round(number * 100) / 100 : 0;
}

std::string Percent(double share) {
    return PlainText(std::round(share * 1000) / 10) + " %";
}

std::string AccountName(const std::string& platform, const std::string& account) {
    return account.empty() ? platform : platform + " " + account;
}

void Note(HealthPart& part, int64_t age) {
    if (!part.age || age < *part.age) part.age = age;
}

HealthPart EmqPart(const HealthFacts& facts) {
    HealthPart part{.name = "emq", .applies = facts.ad_platform};
    if (!part.applies) return part;
    json platforms = json::array();
    double sum = 0;
    for (const EmqReading& one : facts.emq) {
        const double score = ToScore(one.value * 10);
        sum += score;
        Note(part, one.age);
        if (platforms.size() < kMostListed)
            platforms.push_back(
                {{"platform", one.platform}, {"account", one.account}, {"score", PlainNumber(score)}});
        if (score < 60)
            part.issues.push_back("The event match quality of " + AccountName(one.platform, one.account) +
                                  " is " + PlainText(Hundredth(one.value)) + " of 10.");
    }
    part.evidence = {{"platforms", std::move(platforms)}, {"count", facts.emq.size()}};
    if (facts.emq.empty()) {
        part.value = kAssumedEmq;
        part.assumed = true;
        part.issues.emplace_back("No event match quality of a platform was recorded in the last 7 days.");
    } else {
        part.value = ToScore(sum / static_cast<double>(facts.emq.size()));
    }
    return part;
}

HealthPart FreshnessPart(const HealthFacts& facts) {
    HealthPart part{.name = "freshness"};
    json inputs = json::array();
    std::optional<double> known, unknown;
    for (const FreshnessInput& one : facts.freshness) {
        const double score = one.age ? FreshnessScore(*one.age) : kAssumedFreshness;
        std::optional<double>& least = one.age ? known : unknown;
        least = std::min(least.value_or(score), score);
        if (inputs.size() < kMostListed)
            inputs.push_back({{"what", one.what},
                              {"age_seconds", one.age ? json(*one.age / kSecond) : json()},
                              {"score", one.age ? PlainNumber(score) : json()}});
        if (!one.age) {
            part.issues.push_back(one.unknown);
        } else {
            // As old as the oldest input.
            part.age = std::max(part.age.value_or(0), *one.age);
            if (*one.age < 0)
                part.issues.push_back(Capitalized(one.what) + " is from the future.");
            else if (score < 100)
                part.issues.push_back(Capitalized(one.what) + " is " +
                                      FormatDuration(*one.age / kMinute * kMinute) + " old.");
        }
    }
    part.evidence = {{"inputs", std::move(inputs)}};
    part.assumed = !known;
    part.value = std::min(known.value_or(kAssumedFreshness), unknown.value_or(100));
    if (facts.freshness.empty()) part.issues.emplace_back("No signal and no event was ever received.");
    return part;
}

HealthPart VariancePart(const HealthFacts& facts) {
    HealthPart part{.name = "variance", .applies = facts.ad_platform};
    if (!part.applies) return part;
    json accounts = json::array();
    double sum = 0;
    for (const AttributionReading& one : facts.attribution) {
        const double variance = AttributionVariance(one.platform_value, one.analytics_value);
        const double score = VarianceScore(variance);
        sum += score;
        Note(part, one.age);
        if (accounts.size() < kMostListed)
            accounts.push_back({{"platform", one.platform},
                                {"account", one.account},
                                {"metric", one.metric},
                                {"variance", std::round(variance * 10000) / 10000},
                                {"band", VarianceBand(variance)},
                                {"score", PlainNumber(score)}});
        if (variance >= 0.10)
            part.issues.push_back(AccountName(one.platform, one.account) + " and analytics differ by " +
                                  Percent(variance) + " in " + one.metric + ".");
    }
    part.evidence = {{"accounts", std::move(accounts)}, {"count", facts.attribution.size()}};
    if (!facts.attribution.empty()) {
        part.value = ToScore(sum / static_cast<double>(facts.attribution.size()));
        return part;
    }
    part.assumed = true;
    part.value = facts.past_variance ? VarianceScore(*facts.past_variance) : kAssumedVariance;
    part.issues.emplace_back(
        "What platforms and analytics count was not recorded for the same account in the last 7 days.");
    return part;
}

int SeverityRank(const std::string& severity) {
    return severity == "critical" ? 3 : severity == "high" ? 2 : severity == "medium" ? 1 : 0;
}

// How many incidents at least stop what stands on everything: an automation may react to one or two.
constexpr int64_t kLeastBroken = 3;

// The worst open incident of what a decision stands on, by its rank. A few do not stop what stands on
// everything; high ones, or critical ones, of half of what is watched do.
int WorstThatCounts(const HealthFacts& facts) {
    std::map<std::string, int> ranks;
    int worst = -1;
    for (const OpenIncident& one : facts.incidents) {
        int& rank = ranks[one.subject];
        rank = std::max(rank, SeverityRank(one.severity));
        worst = std::max(worst, rank);
    }
    if (!facts.everything) return worst;
    for (const int rank : {3, 2}) {
        const auto bad = std::count_if(ranks.begin(), ranks.end(),
                                       [&](const auto& subject) { return subject.second >= rank; });
        if (bad >= kLeastBroken && 2 * bad >= facts.watched) return rank;
    }
    return -1;
}

HealthPart AnomalyPart(const HealthFacts& facts) {
    HealthPart part{.name = "anomaly"};
    json metrics = json::array(), incidents = json::array();
    int64_t known = facts.watched, bad = 0;
    for (const SeriesReading& one : facts.series) {
        if (one.past.size() < kLeastPast) continue;
        ++known;
        Note(part, one.age);
        if (!IsAnomalous(one.past, one.value)) continue;
        ++bad;
        const std::string of = AccountName(one.source, one.entity);
        if (metrics.size() < kMostListed)
            metrics.push_back(
                {{"metric", one.name}, {"source", one.source}, {"entity", one.entity}, {"value", one.value}});
        part.issues.push_back(one.name + (of.empty() ? "" : " of " + of) +
                              " is more than three deviations from its mean.");
    }
    std::vector<std::string> subjects;
    for (const OpenIncident& one : facts.incidents) {
        if (incidents.size() < kMostListed)
            incidents.push_back({{"incident", one.id},
                                 {"subject", one.subject},
                                 {"detector", one.detector},
                                 {"severity", one.severity}});
        part.issues.push_back("Incident " + std::to_string(one.id) + " is open: " + one.detector + " of " +
                              one.subject + ", " + one.severity + ".");
        subjects.push_back(one.subject);
    }
    std::sort(subjects.begin(), subjects.end());
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
    bad += static_cast<int64_t>(subjects.size());
    known = std::max(known, bad);
    part.assumed = known == 0;
    part.value =
        part.assumed ? kAssumedAnomaly : AnomalyScore(static_cast<double>(bad) / static_cast<double>(known));
    part.evidence = {{"known", known},
                     {"anomalous", bad},
                     {"metrics", std::move(metrics)},
                     {"incidents", std::move(incidents)}};
    if (part.assumed) part.issues.emplace_back("Nothing is known for long enough to tell what is normal.");
    for (size_t i = 0; i < std::min(facts.unwatched.size(), kMostListed); ++i)
        part.issues.push_back(facts.unwatched[i] + " is not watched.");
    return part;
}

HealthPart CdpPart(const HealthFacts& facts) {
    HealthPart part{.name = "cdp", .applies = facts.people};
    if (!part.applies) return part;
    if (!facts.cdp) {
        part.value = kAssumedCdp;
        part.assumed = true;
        part.issues.emplace_back(
            "The events of people were not measured yet; the job signal_health does it.");
        return part;
    }
    const CdpFacts& cdp = *facts.cdp;
    part.age = cdp.age;
    double sum = 0, weights = 0;
    const auto add = [&](const char* name, double weight, const std::optional<double>& value, double score) {
        part.evidence[name] = {{"value", value ? PlainNumber(Hundredth(*value)) : json()},
                               {"score", PlainNumber(score)}};
        sum += weight * score;
        weights += weight;
    };
    add("event_emq", 0.50, cdp.emq, cdp.emq ? ToScore(*cdp.emq) : kAssumedCdp);
    if (cdp.known_share) add("known_share", 0.25, cdp.known_share, KnownShareScore(*cdp.known_share));
    if (cdp.events_in_a_day)
        add("events_in_a_day", 0.15, static_cast<double>(*cdp.events_in_a_day),
            RecencyScore(*cdp.events_in_a_day));
    if (cdp.consent_share)
        add("consent_share", 0.10, cdp.consent_share, ConsentShareScore(*cdp.consent_share));
    part.value = ToScore(sum / weights);
    if (!cdp.emq) {
        part.assumed = true;
        part.issues.emplace_back("No event came in the last 7 days.");
    } else if (*cdp.emq < 70) {
        part.issues.push_back("The mean quality of events is " + PlainText(Hundredth(*cdp.emq)) + ".");
    }
    if (cdp.emq_least && *cdp.emq_least < 50)
        part.issues.push_back("The quality of the worst event is " + PlainText(Hundredth(*cdp.emq_least)) +
                              ".");
    if (cdp.emq_deviation && *cdp.emq_deviation > 20)
        part.issues.emplace_back("The quality of events differs much between them.");
    if (cdp.events_in_a_day && *cdp.events_in_a_day <= 0)
        part.issues.emplace_back("No event came in the last 24 hours.");
    if (!cdp.known_share) part.issues.emplace_back("How many people are known is unknown.");
    if (!cdp.consent_share) part.issues.emplace_back("No consent is recorded.");
    return part;
}

// The lowest score of a state.
double Bound(HealthStatus level, const TrustSettings& settings) {
    return level == HealthStatus::kHealthy    ? settings.healthy
           : level == HealthStatus::kDegraded ? settings.degraded
                                              : 0;
}

HealthStatus Above(HealthStatus level) {
    return level == HealthStatus::kUnhealthy ? HealthStatus::kDegraded : HealthStatus::kHealthy;
}

}  // namespace

const char* Name(HealthStatus status) {
    switch (status) {
        case HealthStatus::kUnhealthy: return "unhealthy";
        case HealthStatus::kDegraded: return "degraded";
        case HealthStatus::kHealthy: return "healthy";
        case HealthStatus::kUnknown: break;
    }
    return "unknown";
}

HealthStatus ReadHealthStatus(const std::string& name) {
    for (const HealthStatus one : {HealthStatus::kUnhealthy, HealthStatus::kDegraded, HealthStatus::kHealthy})
        if (name == Name(one)) return one;
    return HealthStatus::kUnknown;
}

HealthStatus StatusOf(double score, const TrustSettings& settings) {
    if (std::isnan(score)) return HealthStatus::kUnhealthy;
    if (score >= settings.healthy) return HealthStatus::kHealthy;
    return score >= settings.degraded ? HealthStatus::kDegraded : HealthStatus::kUnhealthy;
}

Health ScoreHealth(const HealthFacts& facts, const TrustSettings& settings) {
    Health health;
    health.parts = {EmqPart(facts), FreshnessPart(facts), VariancePart(facts), AnomalyPart(facts),
                    CdpPart(facts)};
    const double rest = facts.people ? (100 - settings.cdp) / 100 : 1;
    const double points[] = {settings.emq * rest, settings.freshness * rest, settings.variance * rest,
                             settings.anomaly * rest, settings.cdp};
    double total = 0;
    for (size_t i = 0; i < health.parts.size(); ++i)
        if (health.parts[i].applies) total += points[i];
    double sum = 0, assumed = 0;
    for (size_t i = 0; i < health.parts.size(); ++i) {
        HealthPart& part = health.parts[i];
        if (!part.applies || total <= 0) continue;
        part.weight = points[i] / total;
        sum += part.weight * part.value;
        if (part.assumed) assumed += part.weight;
        health.issues.insert(health.issues.end(), part.issues.begin(), part.issues.end());
    }
    health.score = ToScore(sum);
    health.assumed = total > 0 ? assumed : 1;
    const int worst = WorstThatCounts(facts);
    // Below all that passes, and below what waits.
    const double passes =
        std::min({settings.healthy, settings.high, settings.standard, settings.conservative});
    if (worst == 2) health.score = std::min(health.score, ToScore(passes - kStep));
    if (worst == 3)
        health.score = std::min(health.score, ToScore(std::min(settings.degraded, settings.hold) - kStep));
    health.issues.insert(health.issues.end(), facts.notes.begin(), facts.notes.end());
    constexpr double kHalf = 0.5 + 1e-9;
    health.status = health.assumed > kHalf ? HealthStatus::kUnknown : StatusOf(health.score, settings);
    if (health.status == HealthStatus::kUnknown)
        health.issues.insert(health.issues.begin(), Percent(health.assumed) + " of the weight is assumed.");
    return health;
}

json Json(const std::vector<HealthPart>& parts) {
    json list = json::array();
    for (const HealthPart& part : parts) {
        if (!part.applies) {
            list.push_back({{"part", part.name}, {"applies", false}});
            continue;
        }
        list.push_back({{"part", part.name},
                        {"applies", true},
                        {"value", PlainNumber(part.value)},
                        {"weight", std::round(part.weight * 10000) / 10000},
                        {"assumed", part.assumed},
                        {"age_seconds", part.age ? json(*part.age / kSecond) : json()},
                        {"evidence", part.evidence},
                        {"issues", part.issues}});
    }
    return list;
}

HeldStatus Hold(const HeldStatus& before, const Health& health, Moment now, const TrustSettings& settings) {
    // What is unknown says nothing about the state that was known last, and ends a rise.
    if (health.status == HealthStatus::kUnknown) return {before.level, std::nullopt, 0};
    if (before.level == HealthStatus::kUnknown || health.status <= before.level)
        return {health.status, std::nullopt, 0};
    // One step at a time: what was well above the next state need not have been above the one after it.
    const HealthStatus next = Above(before.level);
    if (health.score < std::min(Bound(next, settings) + settings.rise_margin, 100.0))
        return {before.level, std::nullopt, 0};
    HeldStatus held = before;
    // A clock that was set back begins anew.
    if (!held.rising_since || *held.rising_since > now) held = {before.level, now, 0};
    ++held.rising;
    if (held.rising >= settings.rise_evaluations &&
        now - *held.rising_since >= static_cast<int64_t>(settings.rise_minutes * kMinute))
        return {next, std::nullopt, 0};
    return held;
}

double HeldScore(const HeldStatus& held, const Health& health, const TrustSettings& settings) {
    if (held.level == HealthStatus::kUnknown || held.level == HealthStatus::kHealthy) return health.score;
    return std::min(health.score, ToScore(Bound(Above(held.level), settings) - kStep));
}

HealthStatus ShownStatus(const HeldStatus& held, const Health& health) {
    return health.status == HealthStatus::kUnknown ? HealthStatus::kUnknown : held.level;
}

}  // namespace pulse::trust
