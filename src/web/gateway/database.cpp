#include "pulse/web/gateway/database.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "pulse/base/error.hpp"
#include "pulse/web/gateway/fold.hpp"

namespace pulse::web::gateway {

namespace {

// Decisions are short: several may be under way on one connection. Elsewhere one slow statement would hold up
// those behind it.
constexpr size_t kDecideDepth = 8;
constexpr milliseconds kTick{100}, kFirstDelay{100}, kLongestDelay{5'000};

size_t DepthOf(Lane lane) {
    return lane == Lane::kDecide ? kDecideDepth : 1;
}

milliseconds DelayAfter(int failures) {
    return std::min(kLongestDelay, kFirstDelay * (1 << std::min(failures, 6)));
}

// Whether the error is about the call itself, not about the request: the extension has gone or changed, or
// the session has lost what was prepared. A new connection finds out.
bool IsOfSession(std::string_view state) {
    return state == sqlstate::kUndefinedFunction || state == sqlstate::kNotSupported ||
           state.starts_with("3F") || state.starts_with("26");
}

int ReadStatus(const Outcome& outcome) {
    int status = 0;
    for (const char byte : outcome.Text(0)) status = status << 8 | static_cast<unsigned char>(byte);
    return status;
}

Reply ReadReply(const Outcome& outcome, bool more) {
    Reply reply;
    reply.sent = true;
    if (!outcome.result) {
        reply.sqlstate = outcome.sqlstate;
        reply.error = outcome.message;
        reply.status = outcome.lost || IsOfSession(outcome.sqlstate) ? 503 : StatusOf(outcome.sqlstate);
        return reply;
    }
    const auto text = [&](int column) {
        return outcome.IsNull(column) ? std::string_view() : outcome.Text(column);
    };
    reply.status = 500;
    if (PQntuples(outcome.result.get()) != 1) {
        reply.error = "pulse_http() returned no row";
    } else if (more) {
        reply.answer.emplace();
        reply.answer->body = text(0);
        if (!outcome.IsNull(1)) reply.answer->next = std::string(text(1));
    } else {
        reply.answer = ReadAnswer(outcome.IsNull(0) ? 0 : ReadStatus(outcome), text(1), text(2), text(3));
        if (!reply.answer) reply.error = "pulse_http() returned no answer";
    }
    return reply;
}

}  // namespace

Database::Database(boost::asio::io_context& io, const Settings& settings, const std::string& conninfo,
                   std::string name, Metrics& metrics, Report report)
    : io_(io),
      settings_(settings),
      name_(std::move(name)),
      metrics_(metrics),
      report_(std::move(report)),
      timer_(io) {
    const auto add = [&](Lane lane, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
            const size_t slot = slots_.size();
            slots_.push_back(
                {lane,
                 std::make_shared<Connection>(
                     io_, ConnectionOptions{conninfo, settings.request_time, settings.connect_time},
                     Connection::Events{[this, slot] { OnReady(slot); },
                                        [this, slot](const std::string& why) { OnLost(slot, why); }}),
                 0, false, Clock::time_point()});
        }
    };
    add(Lane::kDecide, settings.decide_connections);
    add(Lane::kIngest, settings.ingest_connections);
    add(Lane::kOther, settings.other_connections);
}

Database::~Database() {
    Stop();
}

void Database::Start() {
    OpenSome();
    ArmTick();
}

void Database::Stop() {
    stopped_ = true;
    timer_.cancel();
    RefuseAll("the gateway ends");
    for (Slot& slot : slots_) slot.connection->Close("the gateway ends");
}

// ---- requests ----

void Database::Submit(std::shared_ptr<const Call> call, Done done) {
    const Lane lane = call->lane;
    Enqueue(lane, {std::move(call), "", std::move(done), Clock::now(), false});
}

void Database::FetchNext(const std::string& token, Lane lane, Done done) {
    Enqueue(lane, {nullptr, token, std::move(done), Clock::now(), false});
}

void Database::Enqueue(Lane lane, Job job) {
    if (down_ || stopped_) return Refuse(job, "the database is away");
    if (QueueOf(lane).size() + grouped_ >= static_cast<size_t>(settings_.queue)) {
        metrics_.CountQueueRefusal();
        return Refuse(job, "the queue is full");
    }
    if (job.call && !job.call->group.empty())
        Join(std::move(job));
    else
        QueueOf(lane).push_back(std::move(job));
    Dispatch(lane);
    ArmTick();
}

void Database::Refuse(Job& job, const char* why) {
    Reply reply;
    reply.error = why;
    job.done(std::move(reply));
}

void Database::RefuseAll(const char* why) {
    for (auto& queue : queues_) {
        std::deque<Job> jobs;
        jobs.swap(queue);
        for (Job& job : jobs)
            if (job.group.empty())
                Refuse(job, why);
            else
                --groups_[job.group].turns;
    }
    std::vector<Job> grouped;
    for (auto& [name, group] : groups_) {
        std::move(group.waiting.begin(), group.waiting.end(), std::back_inserter(grouped));
        group.waiting.clear();
    }
    std::erase_if(groups_, [](const auto& group) { return group.second.turns == 0; });
    grouped_ = 0;
    for (Job& job : grouped) Refuse(job, why);
}

void Database::RefuseLate(Clock::time_point now) {
    std::vector<Job> late;
    const auto take = [&](std::deque<Job>& jobs) {
        while (!jobs.empty() && now - jobs.front().since > settings_.queue_time) {
            late.push_back(std::move(jobs.front()));
            jobs.pop_front();
        }
    };
    for (auto& queue : queues_) take(queue);
    for (auto& [name, group] : groups_) {
        const size_t before = group.waiting.size();
        take(group.waiting);
        grouped_ -= before - group.waiting.size();
    }
    for (Job& job : late) {
        if (!job.group.empty()) {
            EndTurn(job.group);
            continue;
        }
        metrics_.CountQueueRefusal();
        Refuse(job, "it waited too long for the database");
    }
}

// The connection with the fewest requests under way; null if none may take another one.
Connection* Database::Choose(Lane lane) const {
    Connection* best = nullptr;
    for (const Slot& slot : slots_) {
        Connection* connection = slot.connection.get();
        if (slot.lane != lane || !connection->is_ready() || connection->in_flight() >= DepthOf(lane))
            continue;
        if (!best || connection->in_flight() < best->in_flight()) best = connection;
        if (best->in_flight() == 0) break;
    }
    return best;
}

void Database::Dispatch(Lane lane) {
    std::deque<Job>& queue = QueueOf(lane);
    while (!queue.empty()) {
        Connection* connection = Choose(lane);
        if (!connection) return;
        Job job = std::move(queue.front());
        queue.pop_front();
        if (!job.group.empty() && !TakeTurn(job)) continue;
        Send(*connection, lane, std::move(job));
    }
}

void Database::Send(Connection& connection, Lane lane, Job job) {
    const auto shared = std::make_shared<Job>(std::move(job));
    auto done = [this, lane, shared, weak = connection.weak_from_this()](Outcome outcome) {
        Finish(weak.lock().get(), lane, std::move(*shared), std::move(outcome));
    };
    if (shared->call)
        connection.Send(*shared->call, std::move(done));
    else
        connection.SendNext(shared->token, std::move(done));
}

void Database::Finish(Connection* connection, Lane lane, Job job, Outcome outcome) {
    // What only reads can be done twice.
    if (outcome.lost && !job.again && job.call && job.call->read_only && !stopped_) {
        job.again = true;
        QueueOf(lane).push_front(std::move(job));
        ArmTick();
        return Dispatch(lane);
    }
    const bool renew = !outcome.result && !outcome.lost && IsOfSession(outcome.sqlstate);
    const bool lost = outcome.lost;
    Reply reply = ReadReply(outcome, !job.call);
    if (renew && connection) {
        for (size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].connection.get() != connection) continue;
            connection->Close(outcome.message);
            OnLost(i, outcome.message);
        }
    }
    if (job.group.empty())
        job.done(std::move(reply));
    else
        FinishTurn(std::move(job), std::move(reply), lost);
    Dispatch(lane);
}

// ---- connections ----

size_t Database::CountReady() const {
    return static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(),
                                             [](const Slot& slot) { return slot.connection->is_ready(); }));
}

LaneState Database::StateOf(Lane lane) const {
    LaneState state;
    for (const Slot& slot : slots_) {
        if (slot.lane != lane || !slot.connection->is_ready()) continue;
        ++state.open;
        state.busy += slot.connection->in_flight() > 0;
    }
    state.queued =
        static_cast<int64_t>(queues_[static_cast<size_t>(lane)].size() + (lane == kFoldLane ? grouped_ : 0));
    return state;
}

void Database::OnReady(size_t index) {
    Slot& slot = slots_[index];
    slot.failures = 0;
    slot.worked = true;
    failures_ = 0;
    next_open_ = {};
    if (down_ || !last_problem_.empty()) report_("info", "connected to the " + name_);
    if (CountReady() == 1)
        for (Slot& other : slots_) other.next_try = {};
    down_ = false;
    last_problem_.clear();
    Dispatch(slot.lane);
    OpenSome();
}

void Database::OnLost(size_t index, const std::string& why) {
    if (stopped_) return;
    Slot& slot = slots_[index];
    const Clock::time_point now = Clock::now();
    const bool worked = std::exchange(slot.worked, false);
    if (worked) {
        metrics_.CountConnectionLost();
        slot.next_try = now;
    } else {
        slot.next_try = now + DelayAfter(slot.failures++);
    }
    if (why != last_problem_) report_("error", "the " + name_ + ": " + why);
    last_problem_ = why;
    // A loss is followed by an attempt at once; only its failure says that the database is away.
    if (!worked && CountReady() == 0) {
        next_open_ = now + DelayAfter(failures_++);
        down_ = true;
        RefuseAll("the database is away");
    }
    boost::asio::post(io_, [this] { OpenSome(); });
    ArmTick();
}

// While no connection works, one attempt at a time finds out when the database is back.
void Database::OpenSome() {
    const Clock::time_point now = Clock::now();
    const bool alone = CountReady() == 0;
    if (stopped_ || (alone && next_open_ > now)) return;
    const auto is_closed = [](const Slot& slot) { return slot.connection->is_closed(); };
    if (alone && !std::all_of(slots_.begin(), slots_.end(), is_closed)) return;
    for (Slot& slot : slots_) {
        if (!is_closed(slot) || (!alone && slot.next_try > now)) continue;
        slot.connection->Open();
        if (alone) break;
    }
    ArmTick();
}

bool Database::NeedsTick() const {
    for (const auto& queue : queues_)
        if (!queue.empty()) return true;
    return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
        return !slot.connection->is_ready() || slot.connection->in_flight() > 0;
    });
}

void Database::ArmTick() {
    if (ticking_ || stopped_ || !NeedsTick()) return;
    ticking_ = true;
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        ticking_ = false;
        Tick();
        ArmTick();
    });
}

void Database::Tick() {
    const Clock::time_point now = Clock::now();
    RefuseLate(now);
    for (Slot& slot : slots_) slot.connection->CheckTime(now);
    OpenSome();
}

}  // namespace pulse::web::gateway
