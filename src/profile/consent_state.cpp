#include "pulse/profile/consent_state.hpp"

#include <algorithm>

namespace pulse::profile {

namespace {

// A record, when it was said first, or again.
struct Statement {
    Moment at;
    const ConsentRecord* record;
};

// Those who are one person by the merges up to a moment.
class PeopleByMerges {
  public:
    int64_t Find(int64_t profile) {
        for (auto parent = parents_.find(profile); parent != parents_.end(); parent = parents_.find(profile))
            profile = parent->second;
        return profile;
    }
    // Returns the two that became one, the second being the name of both; equal if they were one before.
    std::pair<int64_t, int64_t> Join(int64_t one, int64_t other) {
        one = Find(one);
        other = Find(other);
        if (one != other) parents_[one] = other;
        return {one, other};
    }

  private:
    std::map<int64_t, int64_t> parents_;
};

bool IsGrant(const Statement& statement) {
    return statement.record->status == ConsentStatus::kGranted;
}

Moment EndOf(const Statement& statement) {
    return statement.record->expires_at.value_or(kNeverEnds);
}

// Whether one decides rather than the other: refusals first, then the consent that ends first; of equally
// strict ones the newest, then the one that was recorded first.
bool Decides(const Statement& one, const Statement& other) {
    if (IsGrant(one) != IsGrant(other)) return !IsGrant(one);
    if (IsGrant(one) && EndOf(one) != EndOf(other)) return EndOf(one) < EndOf(other);
    return one.at != other.at ? one.at > other.at : one.record->id < other.record->id;
}

// The statements about one purpose, in the order of time.
class Fold {
  public:
    Fold(std::vector<Statement> statements, const std::vector<ConsentMerge>& merges)
        : statements_(std::move(statements)), merges_(merges) {}

    ConsentState Run() {
        for (size_t i = 0; i < statements_.size();) {
            const Moment at = statements_[i].at;
            MergeUntil(at);
            std::map<int64_t, std::vector<Statement>> said;
            for (; i < statements_.size() && statements_[i].at == at; ++i)
                said[people_.Find(statements_[i].record->profile)].push_back(statements_[i]);
            for (auto& [person, statements] : said) holding_[person] = std::move(statements);
            AddPeriod(at, i < statements_.size() ? statements_[i].at : kNeverEnds);
        }
        return std::move(state_);
    }

  private:
    // What is said at the instant of a merge is said before it.
    void MergeUntil(Moment at) {
        for (; merge_ < merges_.size() && merges_[merge_].at < at; ++merge_) {
            const auto [gone, kept] = people_.Join(merges_[merge_].merged, merges_[merge_].survivor);
            if (gone == kept) continue;
            const auto moved = holding_.find(gone);
            if (moved == holding_.end()) continue;
            std::vector<Statement>& place = holding_[kept];
            place.insert(place.end(), moved->second.begin(), moved->second.end());
            holding_.erase(moved);
        }
    }

    void AddPeriod(Moment from, Moment until) {
        const Statement* strictest = nullptr;
        for (const auto& [person, statements] : holding_)
            for (const Statement& statement : statements)
                if (!strictest || Decides(statement, *strictest)) strictest = &statement;
        state_.status = strictest->record->status;
        state_.at = strictest->record->at;
        state_.record = strictest->record->id;
        state_.expires_at = IsGrant(*strictest) ? strictest->record->expires_at : std::nullopt;
        if (!IsGrant(*strictest)) return;
        until = std::min(until, EndOf(*strictest));
        if (from >= until) return;
        if (!state_.live.empty() && state_.live.back().second == from)
            state_.live.back().second = until;
        else
            state_.live.emplace_back(from, until);
    }

    const std::vector<Statement> statements_;
    const std::vector<ConsentMerge>& merges_;
    size_t merge_ = 0;
    PeopleByMerges people_;
    std::map<int64_t, std::vector<Statement>> holding_;  // by person: what nothing has replaced
    ConsentState state_;
};

}  // namespace

const char* NameOf(ConsentStatus status) {
    switch (status) {
        case ConsentStatus::kGranted: return "granted";
        case ConsentStatus::kDenied: return "denied";
        case ConsentStatus::kWithdrawn: return "withdrawn";
    }
    return "";
}

std::optional<ConsentStatus> FindConsentStatus(const std::string& name) {
    for (const ConsentStatus status :
         {ConsentStatus::kGranted, ConsentStatus::kDenied, ConsentStatus::kWithdrawn})
        if (name == NameOf(status)) return status;
    return std::nullopt;
}

bool IsLive(const ConsentState& state, Moment at) {
    return std::any_of(state.live.begin(), state.live.end(),
                       [&](const auto& period) { return period.first <= at && at < period.second; });
}

std::map<std::string, ConsentState> FoldConsent(const std::vector<ConsentRecord>& records,
                                                const std::vector<ConsentMerge>& merges,
                                                const std::vector<std::string>& purposes) {
    std::vector<ConsentMerge> ordered = merges;
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const ConsentMerge& a, const ConsentMerge& b) { return a.at < b.at; });
    std::map<std::string, ConsentState> states;
    for (const std::string& purpose : purposes) {
        std::vector<Statement> statements;
        for (const ConsentRecord& record : records) {
            if (record.purpose != purpose && record.purpose != kAllPurposes) continue;
            statements.push_back({record.at, &record});
            if (record.repeated_at > record.at) statements.push_back({record.repeated_at, &record});
        }
        if (statements.empty()) continue;
        std::stable_sort(statements.begin(), statements.end(),
                         [](const Statement& a, const Statement& b) { return a.at < b.at; });
        states[purpose] = Fold(std::move(statements), ordered).Run();
    }
    return states;
}

}  // namespace pulse::profile
