#include "store_take_servers.hpp"

#include <algorithm>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/store.hpp"
#include "store_take_internal.hpp"

namespace pulse::snapshot {

void ServersTake::Prepare(MeasureSpec spec) {
    spec_ = std::move(spec);
    for (const source::Access& access : segment::AccessesOf(segment_)) {
        shares_.push_back({access.source, std::nullopt, std::nullopt, ""});
        if (const auto reason = breaker_ ? breaker_->OpenReason(access.source) : std::nullopt) {
            shares_.back().error = *reason;
            if (!closed_) closed_ = reason;
            continue;
        }
        source::Visit& visit = visits_.emplace_back();
        visit.target = source::ResolveTarget(access, pg::settings::statement_timeout);
        visit.usage = UsageFor(segment_);
        places_.push_back(shares_.size() - 1);
    }
    measured_.resize(visits_.size());
    for (size_t i = 0; i < visits_.size(); ++i)
        visits_[i].body = [this, i](source::Reader& reader) { measured_[i] = MeasureServer(reader, spec_); };
}

void ServersTake::Read() {
    const bool allowed = spec_.request.allow_incomplete.value_or(false);
    // Without one of them there is no snapshot: the others are spared.
    if (!allowed && closed_) visits_.clear();
    source::ReadSideBySide(visits_, !allowed);
}

std::vector<source::Usage> ServersTake::Usages() const {
    std::vector<source::Usage> usages;
    for (const source::Visit& visit : visits_) usages.push_back(visit.usage);
    return usages;
}

void ServersTake::Miss(size_t i, const UserError& error, bool unreachable) {
    ServerShare& share = shares_[places_[i]];
    share.error = ReasonOf(error);
    if (breaker_) breaker_->RecordFailure(share.source, share.error, unreachable);
    if (!missing_) missing_ = visits_[i].error;
}

void ServersTake::TakeOutcome(size_t i) {
    ServerShare& share = shares_[places_[i]];
    if (!visits_[i].error) {
        measured_[i].source = share.source;
        // Its body ran several times, from one question to the next.
        measured_[i].duration_ms = visits_[i].usage.duration_ms;
        share.size = measured_[i].scan.size;
        parts_.push_back(std::move(measured_[i]));
        if (breaker_) breaker_->RecordSuccess(share.source);
        return;
    }
    try {
        std::rethrow_exception(visits_[i].error);
    } catch (const source::Abandoned& error) {
        share.error = error.message();
    } catch (const source::Unavailable& error) {
        Miss(i, error, visits_[i].usage.status == "unreachable");
    } catch (const UserError& error) {
        // Too late is missing, too. Everything else is an error of the definition.
        if (error.state() == sqlstate::kQueryCanceled)
            Miss(i, error, false);
        else if (!failure_)
            failure_ = visits_[i].error;
    }
}

void ServersTake::Merge() {
    for (size_t i = 0; i < visits_.size(); ++i) TakeOutcome(i);
    if (failure_) std::rethrow_exception(failure_);
    const auto missing =
        std::find_if(shares_.begin(), shares_.end(), [](const ServerShare& share) { return !share.size; });
    if (missing != shares_.end() && (parts_.empty() || !spec_.request.allow_incomplete.value_or(false))) {
        if (missing_) std::rethrow_exception(missing_);
        throw source::Unavailable(sqlstate::kNotReady, *closed_);
    }
    const KeyOverlap overlap = OverlapOfServers(parts_);
    result_ = MakeResult(MergeServers(parts_, spec_), spec_);
    Record& record = result_.record;
    record.source = segment::SourceText(segment::SourcesOf(spec_.request));
    record.incomplete = missing != shares_.end();
    record.overlap = overlap.members;
    record.overlap_error = overlap.standard_error;
    for (const ServerShare& share : shares_)
        if (!share.error.empty()) record.error += (record.error.empty() ? "" : "; ") + share.error;
    parts_.clear();
}

MeasureResult ServersTake::Finish() {
    if (result_.record.incomplete) {
        const pg::OwnerSession session;
        ReadLastSizes(segment_.id, spec_.moment, shares_);
    }
    result_.record.coverage = CoverageOf(shares_);
    result_.record.servers = std::move(shares_);
    return std::move(result_);
}

}  // namespace pulse::snapshot
