#include "pulse/trust/gate.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/duration.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/time_text.hpp"

namespace pulse::trust {

namespace {

// A subject within a statement.
std::string Literal(const std::string& subject) {
    std::string text = "'";
    for (const char c : subject) text += c == '\'' ? "''" : std::string(1, c);
    return text + "'";
}

// Collects reasons; the strictest verdict counts.
class Judging {
  public:
    void Add(Verdict verdict, std::string reason, std::string lift = "") {
        judgement.verdict = std::max(judgement.verdict, verdict);
        judgement.reasons.push_back(std::move(reason));
        if (!lift.empty()) judgement.lifts.push_back(std::move(lift));
    }
    Judgement judgement{.verdict = Verdict::kPass};
};

void JudgeHistory(const GateFacts& facts, Judging& judging) {
    const std::string write = "The job signal_health writes it, or SELECT pulse_update_signal_health(" +
                              Literal(facts.subject) + ").";
    if (!facts.last_history)
        judging.Add(Verdict::kBlock, "There is no history of the health of " + facts.subject + ".", write);
    else if (*facts.last_history > facts.latest)
        judging.Add(Verdict::kBlock,
                    "The clock was set back: the health of " +
                        (facts.everything_later ? "all" : facts.subject) + " was computed at " +
                        FormatMinute(*facts.last_history) + ", which is in the future.",
                    "Set the clock right.");
    else if (facts.now - *facts.last_history > kLongestGap)
        judging.Add(Verdict::kBlock,
                    "The health of " + facts.subject + " was last computed at " +
                        FormatMinute(*facts.last_history) + ", more than 2 days ago.",
                    write);
}

void JudgeScore(const GateFacts& facts, const TrustSettings& settings, Judging& judging) {
    const double threshold = judging.judgement.threshold;
    if (!facts.score || !std::isfinite(*facts.score) || !facts.as_of) {
        judging.Add(Verdict::kBlock, "There is no score of " + facts.subject + ".");
        return;
    }
    if (*facts.as_of > facts.now || facts.now - *facts.as_of > kDecisionLife)
        judging.Add(Verdict::kBlock,
                    "The score of " + facts.subject + " is of " + FormatMinute(*facts.as_of) +
                        ", which is not of now.",
                    "The job signal_health computes it anew.");
    if (facts.status == HealthStatus::kUnknown)
        judging.Add(Verdict::kHold,
                    "The health of " + facts.subject + " is unknown: too much of it is assumed.",
                    "Record the signals that are missing: pulse_signal_health(" + Literal(facts.subject) +
                        ") names them.");
    if (*facts.score >= threshold) return;
    const bool waits = *facts.score >= settings.hold;
    judging.Add(waits ? Verdict::kHold : Verdict::kBlock,
                "The score of " + facts.subject + " is " + PlainText(*facts.score) + "; " + facts.action +
                    " needs " + PlainText(threshold) +
                    (waits ? "." : ", and waits from " + PlainText(settings.hold) + " on."),
                "A score of at least " + PlainText(threshold) + ".");
    constexpr size_t kMost = 10;
    for (size_t i = 0; i < std::min(facts.issues.size(), kMost); ++i)
        judging.judgement.reasons.push_back(facts.issues[i]);
}

}  // namespace

const char* Name(Verdict verdict) {
    switch (verdict) {
        case Verdict::kPass: return "pass";
        case Verdict::kHold: return "hold";
        case Verdict::kBlock: break;
    }
    return "block";
}

Judgement Judge(const GateFacts& facts, const TrustSettings& settings) {
    Judging judging;
    Judgement& judgement = judging.judgement;
    if (!facts.risk) {
        judgement.threshold = settings.Threshold(Risk::kHigh);
        judging.Add(Verdict::kBlock, "The action " + InQuotes(facts.action.substr(0, 80)) + " is unknown.",
                    "pulse_set_action_type() adds it with its risk.");
    } else {
        judgement.threshold = settings.Threshold(*facts.risk);
    }
    if (!facts.writable)
        judging.Add(Verdict::kBlock,
                    "This is a standby or a read-only transaction, where nothing may be done.",
                    "Ask on the primary, in a transaction that may write.");
    // What stops things needs no trust; a freeze wants nothing else.
    if (facts.risk == Risk::kAlways) return judgement;
    if (!facts.frozen)
        judging.Add(Verdict::kBlock, "Whether everything is frozen is unknown.");
    else if (*facts.frozen)
        judging.Add(Verdict::kBlock,
                    "Everything is frozen" + (facts.frozen_why.empty() ? "." : ": " + facts.frozen_why),
                    "SELECT pulse_unfreeze().");
    if (facts.clock_ahead)
        judging.Add(Verdict::kBlock, "The clock is ahead: pulse.now is in the future.", "RESET pulse.now.");
    if (facts.old_snapshot)
        judging.Add(
            Verdict::kBlock,
            "The transaction is REPEATABLE READ or SERIALIZABLE: it does not see a freeze, an incident "
            "or a score that was committed since it began.",
            "Ask in a transaction that is READ COMMITTED.");
    if (!facts.problem.empty()) {
        judging.Add(Verdict::kBlock, facts.problem,
                    "SELECT * FROM pulse_signal_health(" + Literal(facts.subject) + ") shows the error.");
        return judgement;
    }
    if (!facts.subject_exists) {
        judging.Add(Verdict::kBlock,
                    facts.subject.find(':') == std::string::npos
                        ? InQuotes(facts.subject) + " is no subject: it has no kind and name."
                        : "There is no " + facts.subject + ".",
                    "Name a subject that exists, such as segment:name, or all.");
        return judgement;
    }
    JudgeHistory(facts, judging);
    JudgeScore(facts, settings, judging);
    return judgement;
}

const char* ModeOf(const std::optional<double>& score, HealthStatus status, bool frozen,
                   const TrustSettings& settings) {
    if (frozen || !score || !std::isfinite(*score) || *score < settings.hold) return "frozen";
    if (status == HealthStatus::kUnknown) return "cuts_only";
    if (*score >= settings.healthy) return "normal";
    return *score >= std::min(60.0, settings.healthy) ? "limited" : "cuts_only";
}

}  // namespace pulse::trust
