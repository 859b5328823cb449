#include "pulse/audience/delta.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "pulse/base/number.hpp"

namespace pulse::audience {

namespace {

std::string AsPercent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g %%", share * 100);
    return text;
}

}  // namespace

Move Compare(const std::optional<std::string_view>& desired, const std::optional<std::string_view>& sent) {
    if (!sent) return desired ? Move::kAdd : Move::kKeep;
    if (!desired) return Move::kRemove;
    return *desired == *sent ? Move::kKeep : Move::kChange;
}

double DeltaCounts::MovedShare() const {
    const int64_t whole = std::max(desired, sent);
    return whole == 0
               ? 0
               : static_cast<double>(std::min(added + removed + changed, whole)) / static_cast<double>(whole);
}

void DeltaCounts::Count(Move move) {
    desired += move != Move::kRemove;
    sent += move != Move::kAdd;
    kept += move == Move::kKeep;
    added += move == Move::kAdd;
    removed += move == Move::kRemove;
    changed += move == Move::kChange;
}

DeltaMerge::DeltaMerge(RowSource desired, RowSource sent)
    : desired_source_(std::move(desired)), sent_source_(std::move(sent)) {
    desired_ = Take(desired_source_, std::nullopt);
    sent_ = Take(sent_source_, std::nullopt);
}

std::optional<LedgerRow> DeltaMerge::Take(RowSource& source, const std::optional<LedgerRow>& before) const {
    std::optional<LedgerRow> next = source();
    if (next && before && next->person <= before->person)
        throw std::invalid_argument("the rows of an audience are not sorted by person");
    return next;
}

std::optional<DeltaStep> DeltaMerge::Next() {
    while (desired_ || sent_) {
        const bool has_desired = desired_ && (!sent_ || desired_->person <= sent_->person);
        const bool has_sent = sent_ && (!desired_ || sent_->person <= desired_->person);
        DeltaStep step;
        step.person = has_desired ? desired_->person : sent_->person;
        step.move = Compare(has_desired ? std::optional<std::string_view>(desired_->cells) : std::nullopt,
                            has_sent ? std::optional<std::string_view>(sent_->cells) : std::nullopt);
        counts_.Count(step.move);
        if (has_desired) {
            std::optional<LedgerRow> next = Take(desired_source_, desired_);
            step.desired = std::move(desired_->cells);
            desired_ = std::move(next);
        }
        if (has_sent) {
            std::optional<LedgerRow> next = Take(sent_source_, sent_);
            step.sent = std::move(sent_->cells);
            sent_ = std::move(next);
        }
        if (step.move != Move::kKeep) return step;
    }
    return std::nullopt;
}

SyncPlan PlanSync(Platform platform, const DeltaCounts& counts, const SyncLimits& limits) {
    const int64_t leaving = counts.removed + counts.changed, moved = leaving + counts.added;
    const double share =
        counts.sent == 0 ? 0 : static_cast<double>(leaving) / static_cast<double>(counts.sent);
    if (leaving > limits.free_moves && share > limits.max_share)
        return {SyncWay::kHeld, "It would remove or change " + Thousands(leaving) + " of " +
                                    Thousands(counts.sent) + " people, " + AsPercent(share) + "; at most " +
                                    AsPercent(limits.max_share) + " may be at once."};
    const Replacement replacement = FactsOf(platform).replacement;
    if (replacement == Replacement::kRewrite && (moved > 0 || limits.states_parted))
        return {SyncWay::kReplace, "The file is written anew."};
    if (replacement != Replacement::kNone && counts.desired > 0) {
        if (limits.states_parted) return {SyncWay::kReplace, "The platform has others than were sent."};
        if (counts.sent > 0 && moved > limits.free_moves && counts.MovedShare() >= limits.replace_share)
            return {SyncWay::kReplace, AsPercent(counts.MovedShare()) + " of the people have changed."};
    }
    return {moved == 0 ? SyncWay::kNothing : SyncWay::kDelta, ""};
}

}  // namespace pulse::audience
