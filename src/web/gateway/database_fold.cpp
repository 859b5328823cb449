// Requests that are answered together.
#include <utility>

#include "pulse/web/gateway/database.hpp"
#include "pulse/web/gateway/fold.hpp"

namespace pulse::web::gateway {

namespace {

// Of one group: while one call waits for its flush, the next one collects.
constexpr int kTurns = 2;

}  // namespace

void Database::Join(Job job) {
    const std::string& name = job.call->group;
    Group& group = groups_[name];
    if (group.turns < kTurns) {
        ++group.turns;
        QueueOf(kFoldLane).push_back({nullptr, "", nullptr, Clock::now(), false, name, {}});
    }
    group.waiting.push_back(std::move(job));
    ++grouped_;
}

// Take what waits now. Returns false if that is nothing, and the turn has ended.
bool Database::TakeTurn(Job& turn) {
    Group& group = groups_[turn.group];
    std::vector<std::shared_ptr<const Call>> calls;
    for (size_t bytes = 0; !group.waiting.empty() && calls.size() < kMostFolded; --grouped_) {
        Job& job = group.waiting.front();
        bytes += job.call->body.size();
        if (!calls.empty() && bytes > kMostFoldedBytes) break;
        calls.push_back(job.call);
        turn.folded.push_back(std::move(job));
        group.waiting.pop_front();
    }
    if (calls.empty()) {
        if (--group.turns == 0) groups_.erase(turn.group);
        return false;
    }
    turn.call = std::make_shared<const Call>(Fold(calls));
    return true;
}

void Database::FinishTurn(Job turn, Reply reply, bool lost) {
    std::vector<CallAnswer> answers;
    if (reply.answer) answers = Unfold(*reply.answer, turn.folded.size());
    // The answer was about all of them, and nothing was done: each one learns its own.
    const bool alone = !lost && answers.empty() && turn.folded.size() > 1;
    for (size_t i = 0; i < turn.folded.size(); ++i) {
        Job& job = turn.folded[i];
        if (alone) {
            QueueOf(kFoldLane).push_back(std::move(job));
            continue;
        }
        if (!answers.empty()) reply.answer = std::move(answers[i]);
        job.done(reply);
    }
    EndTurn(turn.group);
}

void Database::EndTurn(const std::string& name) {
    const auto group = groups_.find(name);
    if (group == groups_.end()) return;
    if (!group->second.waiting.empty())
        QueueOf(kFoldLane).push_back({nullptr, "", nullptr, Clock::now(), false, name, {}});
    else if (--group->second.turns == 0)
        groups_.erase(group);
}

}  // namespace pulse::web::gateway
