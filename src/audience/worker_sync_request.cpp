// What the worker of syncs asks platforms.
#include <algorithm>

#include "pulse/audience/store_alarm.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/background.hpp"
#include "worker_sync.hpp"

namespace pulse::audience {

namespace {

// The same for all attempts of the same people, and for nothing else.
std::string KeyOfBatch(int64_t run, const Batch& batch) {
    std::string content = batch.operation == Operation::kAdd ? "add" : "remove";
    for (const Row& row : batch.rows) content += Pack(PreparedPerson{row.cells}) + "|";
    return "sync_" + std::to_string(run) + "_" + Sha256Hex(content).substr(0, 32);
}

http::Request MakeAsked(const ActiveSync& sync, Call call, const std::string& token) {
    const Destination& destination = *sync.work.destination;
    const Audience& audience = *sync.work.audience;
    const std::string id = audience.platform_id.value_or("");
    switch (call) {
        case Call::kCreate:
            return CreateRequest(destination, token, {audience.platform_name, audience.description});
        case Call::kFind: return FindRequest(destination, token, audience.platform_name, sync.page);
        case Call::kRemoveAll:
            return RemoveAllRequest(destination, token, id,
                                    sync.work.run.started_at.value_or(sync.work.run.created_at));
        case Call::kDelete: return DeleteRequest(destination, token, id);
        default: return AudienceRequest(destination, token, id);
    }
}

// Null if it cannot be made, because an option is missing: `why` says which.
std::optional<http::Request> TryToMake(const std::function<http::Request()>& make, std::string& why) {
    try {
        return make();
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        why = error.what();
        return std::nullopt;
    }
}

}  // namespace

RateLimit& SyncWorker::LimitOf(const Destination& destination) {
    return limits_.try_emplace(destination.name, destination.rates, destination.max_in_flight).first->second;
}

bool SyncWorker::MayStart(const Destination& destination) {
    if (!WritesRefreshToken(destination.name)) return false;
    const Moment now = pg::WallClock();
    const int64_t wait = LimitOf(destination).Wait(now);
    if (wait == 0) return true;
    limited_until_ = std::min(limited_until_, now + wait);
    next_due_ = std::min(next_due_, now + wait);
    return false;
}

// The old one may be invalid already: before the new one is written, a crash would lose the login.
bool SyncWorker::WritesRefreshToken(const std::string& destination) {
    const std::string* token = tokens_.Unwritten(destination);
    if (!token) return true;
    std::string failed;
    const bool written = Do(
        "pulse: keeping a token", [&] { KeepRefreshToken(destination, *token); }, &failed);
    if (!written && failed.empty()) {
        more_ = true;  // another session changes the mapping
        return false;
    }
    // Without its server the token is of no use.
    tokens_.Written(destination);
    return true;
}

void SyncWorker::Start(int64_t run, ActiveSync& sync, Call call, http::Request request) {
    // Two audiences would be made; and the first batch of a session of Meta must never come twice.
    request.once = call == Call::kCreate || sync.work.destination->platform == Platform::kMeta;
    const Moment now = pg::WallClock();
    const uint64_t number = ++last_number_;
    AskedRequest asked;
    asked.run = run;
    asked.call = call;
    asked.sent_at = now;
    asked.destination = sync.work.destination;
    LimitOf(*sync.work.destination).Start(now);
    asked_.emplace(number, std::move(asked));
    sync.waiting = true;
    sync.call = call;
    ++requests_;
    exchange_.Send(number, std::move(request));
}

void SyncWorker::CannotAsk(int64_t run, ActiveSync& sync, const std::string& why) {
    Answer answer;
    answer.outcome = Outcome::kRefused;
    answer.reason = why;
    Fail(run, sync, answer, "");
}

void SyncWorker::Send(int64_t run, ActiveSync& sync, Call call, const std::function<http::Request()>& make) {
    if (!MayStart(*sync.work.destination)) return;
    if (tokens_.MustRenew(*sync.work.destination, pg::WallClock())) {
        Renew(run, sync);
        return;
    }
    std::string why;
    if (auto request = TryToMake(make, why))
        Start(run, sync, call, std::move(*request));
    else
        CannotAsk(run, sync, why);
}

void SyncWorker::Renew(int64_t run, ActiveSync& sync) {
    const std::string name = sync.work.destination->name;
    // A refresh token that is used twice can end the login: one request at a time, with the newest one.
    for (const auto& [number, asked] : asked_)
        if (asked.call == Call::kRenew && asked.destination->name == name) return;
    std::string why;
    const bool done = Do(
        "pulse: reading a destination", [&] { sync.work.destination = LoadDestination(name); }, &why);
    if (!done && why.empty()) {
        more_ = true;
        return;
    }
    auto request = done ? TryToMake([&] { return RenewRequest(*sync.work.destination); }, why) : std::nullopt;
    if (request)
        Start(run, sync, Call::kRenew, std::move(*request));
    else
        CannotAsk(run, sync, why);
}

void SyncWorker::Ask(int64_t run, ActiveSync& sync, Call call) {
    Send(run, sync, call, [&] { return MakeAsked(sync, call, tokens_.Of(*sync.work.destination)); });
}

void SyncWorker::SendBatch(int64_t run, ActiveSync& sync) {
    const Destination& destination = *sync.work.destination;
    if (!MayStart(destination)) return;
    Upload upload;
    upload.audience = sync.work.audience->platform_id.value_or(sync.work.audience->name);
    upload.key = KeyOfBatch(run, sync.batches[sync.next]);
    upload.replace = ReplacesAll(sync);
    const bool renews = tokens_.MustRenew(destination, pg::WallClock());
    if (!renews && destination.platform == Platform::kMeta && !PlaceInSession(run, sync, upload)) {
        more_ = true;
        return;
    }
    Send(run, sync, Call::kUpload, [&] {
        return UploadRequest(destination, tokens_.Of(destination), upload, sync.batches[sync.next],
                             pg::WallClock());
    });
}

void SyncWorker::AskProgress(const OpenUpload& upload) {
    for (const auto& [number, asked] : asked_)
        if (asked.upload && asked.upload->id == upload.id) return;
    std::optional<Destination> destination;
    std::string failed;
    Do(
        "pulse: looking at an upload", [&] { destination = LoadDestination(upload.destination); }, &failed);
    if (!destination) {
        // Without its destination, or with options that are not valid, it is asked for ever less often, too.
        if (!failed.empty()) AskLater(upload, failed);
        return;
    }
    if (tokens_.MustRenew(*destination, pg::WallClock())) {
        AskLater(upload, "");  // the next sync gets a token
        return;
    }
    if (!MayStart(*destination)) return;  // it stays due
    auto request = TryToMake(
        [&] {
            return ProgressRequest(*destination, tokens_.Of(*destination), upload.platform_id.value_or(""),
                                   upload.upload_id);
        },
        failed);
    if (!request) {
        AskLater(upload, failed);
        return;
    }
    AskedRequest asked;
    asked.upload = upload;
    asked.destination = destination;
    asked.call = Call::kProgress;
    asked.sent_at = pg::WallClock();
    const uint64_t number = ++last_number_;
    LimitOf(*destination).Start(asked.sent_at);
    exchange_.Send(number, std::move(*request));
    asked_.emplace(number, std::move(asked));
    ++requests_;
}

void SyncWorker::AskLogin(const std::string& name) {
    std::optional<Destination> destination;
    std::string why;
    if (!Do(
            "pulse: looking at a login",
            [&] {
                destination = LoadDestination(name);
                NoteLoginAsked(name);
            },
            &why) ||
        !TellsLogin(destination->platform))
        return;
    // Its own token is asked about; one that is missing is found by the next sync.
    const std::string token = tokens_.Of(*destination);
    if (token.empty()) return;
    AskedRequest asked;
    asked.destination = destination;
    asked.call = Call::kLogin;
    asked.sent_at = pg::WallClock();
    const uint64_t number = ++last_number_;
    LimitOf(*destination).Start(asked.sent_at);
    exchange_.Send(number, LoginRequest(*destination, token));
    asked_.emplace(number, std::move(asked));
    ++requests_;
}

void SyncWorker::AskLater(const OpenUpload& upload, const std::string& why) {
    Answer later;
    later.outcome = Outcome::kRetry;
    later.reason = why;
    Do("pulse: recording an upload", [&] { RecordUploadCheck(upload, later, Platform::kGoogle); });
}

}  // namespace pulse::audience
