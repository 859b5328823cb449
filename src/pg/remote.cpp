#include "pulse/pg/remote.hpp"

#include <algorithm>

#include "pulse/pg/wait.hpp"

extern "C" {
#include "libpq-fe.h"
#include "storage/fd.h"
}

namespace pulse::pg {

namespace {

// Removing a very short password from every text would reveal it.
constexpr size_t kShortestScrubbed = 4;
// Number of buffered rows to read between checks for interrupts.
constexpr int kRowsPerCheck = 1000;
// libpq keeps what the socket does not take at once: so much, whatever there is to send.
constexpr size_t kCopiedAtOnce = size_t{8} * 1024 * 1024;

std::string Field(const PGresult* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text ? text : "";
}

// Messages of libpq end with a newline and can have several lines.
std::string OneLine(const std::string& text) {
    std::string line;
    bool broken = false;
    for (const char c : text) {
        if (c == '\n') broken = true;
        if (c == '\n' || (broken && (c == '\t' || c == ' '))) continue;
        if (broken && !line.empty()) line += "; ";
        broken = false;
        line += c;
    }
    return line;
}

void IgnoreNotice(void*, const PGresult*) {}

}  // namespace

void Remote::Closer::operator()(pg_conn* connection) const {
    PQfinish(connection);
    ReleaseExternalFD();
}

void Remote::Clearer::operator()(pg_result* result) const {
    PQclear(result);
}

Remote::Remote(const RemoteParameters& parameters, int milliseconds, Later) {
    std::vector<const char*> keywords, values;
    for (const auto& [keyword, value] : parameters) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
        if (keyword == "password") password_ = value;
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);

    if (!AcquireExternalFD())
        throw RemoteError(sqlstate::kCannotConnect, "too many open files for another connection", "",
                          "Raise max_files_per_process or the operating system's limit of open files.", true);
    Limit(milliseconds);
    // No expansion of dbname: it must not contain a connection string.
    PGconn* connection = PQconnectStartParams(keywords.data(), values.data(), 0);
    if (!connection) {
        ReleaseExternalFD();
        throw std::bad_alloc();
    }
    connection_.reset(connection);
    PQsetNoticeReceiver(connection, IgnoreNotice, nullptr);
    if (PQstatus(connection) == CONNECTION_BAD) ThrowLost(sqlstate::kCannotConnect);
}

Remote::Remote(const RemoteParameters& parameters, int milliseconds)
    : Remote(parameters, milliseconds, Later{}) {
    Finish();
}

std::unique_ptr<Remote> Remote::Begin(const RemoteParameters& parameters, int milliseconds) {
    return std::unique_ptr<Remote>(new Remote(parameters, milliseconds, Later{}));
}

void Remote::Limit(int milliseconds) {
    limit_ = milliseconds;
    deadline_ = Clock::now() + std::chrono::milliseconds(milliseconds);
}

int Remote::socket() const {
    return PQsocket(connection_.get());
}

bool Remote::Advance() {
    const auto require_time = [&] {
        if (Clock::now() < deadline_) return;
        throw RemoteError(sqlstate::kConnectionLost, "no answer within " + std::to_string(limit_) + " ms", "",
                          "", true);
    };
    bool done = true;
    switch (phase_) {
        case Phase::kConnecting: require_time(); return AdvanceConnecting();
        case Phase::kSending: done = AdvanceSending(); break;
        case Phase::kReceiving: done = AdvanceReceiving(); break;
        case Phase::kIdle: break;
    }
    // What has come in time counts, even if it is looked at late.
    if (!done) require_time();
    return done;
}

// Call it only when the socket is ready: PQconnectPoll() may block otherwise.
bool Remote::AdvanceConnecting() {
    const PostgresPollingStatusType next = PQconnectPoll(connection_.get());
    if (next == PGRES_POLLING_FAILED) ThrowLost(sqlstate::kCannotConnect);
    writing_ = next == PGRES_POLLING_WRITING;
    if (next != PGRES_POLLING_OK) return false;
    if (PQsetnonblocking(connection_.get(), 1) != 0) ThrowLost(sqlstate::kCannotConnect);
    phase_ = Phase::kIdle;
    return true;
}

bool Remote::AdvanceSending() {
    for (;;) {
        const int left = PQflush(connection_.get());
        if (left < 0) ThrowLost(sqlstate::kConnectionLost);
        writing_ = left > 0;
        if (writing_) return false;
        if (!copying_) break;
        SendCopy();
    }
    phase_ = Phase::kReceiving;
    return AdvanceReceiving();
}

bool Remote::AdvanceReceiving() {
    if (!PQconsumeInput(connection_.get())) ThrowLost(sqlstate::kConnectionLost);
    while (!PQisBusy(connection_.get())) {
        const Answer answer(PQgetResult(connection_.get()));
        if (!answer) {
            if (!Alive()) ThrowLost(sqlstate::kConnectionLost);
            phase_ = Phase::kIdle;
            return true;
        }
        if (PQresultStatus(answer.get()) == PGRES_COPY_IN) {
            copying_ = true;
            phase_ = Phase::kSending;
            return AdvanceSending();
        }
        Take(answer.get());
        if (++unchecked_ % kRowsPerCheck == 0) CheckInterrupts();
    }
    return false;
}

// The next piece, or the end.
void Remote::SendCopy() {
    const size_t bytes = std::min(copy_.size() - copied_, kCopiedAtOnce);
    const int sent = bytes > 0
                         ? PQputCopyData(connection_.get(), copy_.data() + copied_, static_cast<int>(bytes))
                         : PQputCopyEnd(connection_.get(), nullptr);
    if (sent != 1) ThrowLost(sqlstate::kConnectionLost);
    copied_ += bytes;
    if (bytes > 0) return;
    copying_ = false;
    copy_ = {};
}

void Remote::Take(const pg_result* result) {
    switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
        case PGRES_TUPLES_OK: return Append(result);
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: return;
        default: Throw(result);
    }
}

// Waits for what has begun.
void Remote::Finish() {
    bool ready = phase_ != Phase::kConnecting;
    while (!ready || !Advance()) {
        if (socket() < 0) ThrowLost(sqlstate::kConnectionLost);
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        const Woken woken = WaitForSocket(socket(), writing_, std::max<long>(left, 0) + 1);
        // Advance() says that it has taken too long.
        ready = woken == Woken::kReadable || woken == Woken::kWritable || Clock::now() >= deadline_;
    }
}

void Remote::Append(const pg_result* result) {
    const int columns = PQnfields(result);
    if (rows_.names.empty()) {
        for (int c = 0; c < columns; ++c) {
            rows_.names.emplace_back(PQfname(result, c));
            rows_.types.push_back(PQftype(result, c));
            rows_.modifiers.push_back(PQfmod(result, c));
        }
    }
    for (int r = 0; r < PQntuples(result); ++r) {
        auto& row = rows_.values.emplace_back();
        for (int c = 0; c < columns; ++c) {
            if (PQgetisnull(result, r, c)) {
                row.emplace_back();
            } else {
                row.emplace_back(
                    std::string(PQgetvalue(result, r, c), static_cast<size_t>(PQgetlength(result, r, c))));
                bytes_ += row.back()->size();
            }
            bytes_ += sizeof(std::optional<std::string>);
        }
    }
    if (bytes_ > max_bytes_)
        throw RemoteError(sqlstate::kProgramLimit,
                          "the result is larger than " + std::to_string(max_bytes_ >> 20) + " MB", "",
                          "Select fewer rows or columns.", false);
}

void Remote::Sent(bool sent, size_t max_bytes) {
    if (!sent) ThrowLost(sqlstate::kConnectionLost);
    rows_ = {};
    bytes_ = 0;
    max_bytes_ = max_bytes;
    unchecked_ = 0;
    phase_ = Phase::kSending;
    writing_ = true;
}

void Remote::StartScript(const std::string& sql, int milliseconds) {
    Limit(milliseconds);
    Sent(PQsendQuery(connection_.get(), sql.c_str()) == 1, SIZE_MAX);
}

void Remote::Start(const std::string& sql, int milliseconds, size_t max_bytes) {
    Limit(milliseconds);
    const bool sent =
        PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
    if (sent) PQsetSingleRowMode(connection_.get());
    Sent(sent, max_bytes);
}

RemoteRows Remote::RunScript(const std::string& sql, int milliseconds) {
    StartScript(sql, milliseconds);
    Finish();
    return TakeRows();
}

RemoteRows Remote::Run(const std::string& sql, int milliseconds, size_t max_bytes) {
    Start(sql, milliseconds, max_bytes);
    Finish();
    return TakeRows();
}

void Remote::CopyIn(const std::string& sql, std::string data, int milliseconds) {
    copy_ = std::move(data);
    copied_ = 0;
    copying_ = false;
    StartScript(sql, milliseconds);
    Finish();
}

bool Remote::UsedPassword() const {
    return PQconnectionUsedPassword(connection_.get()) != 0;
}

bool Remote::Alive() const {
    return PQstatus(connection_.get()) == CONNECTION_OK;
}

int Remote::ServerVersion() const {
    return PQserverVersion(connection_.get());
}

std::string Remote::Scrub(std::string text) const {
    if (password_.size() < kShortestScrubbed) return text;
    for (size_t at = text.find(password_); at != std::string::npos; at = text.find(password_, at + 3))
        text.replace(at, password_.size(), "***");
    return text;
}

void Remote::ThrowLost(const char* state) const {
    throw RemoteError(state, Scrub(OneLine(PQerrorMessage(connection_.get()))), "", "", true);
}

void Remote::Throw(const pg_result* result) const {
    const std::string state = Field(result, PG_DIAG_SQLSTATE);
    std::string message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
    if (message.empty()) message = OneLine(PQresultErrorMessage(result));
    const std::string severity = Field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const bool lost = state.empty() || severity == "FATAL" || severity == "PANIC" || !Alive();
    throw RemoteError(state.empty() ? sqlstate::kConnectionLost : state, Scrub(message),
                      Scrub(Field(result, PG_DIAG_MESSAGE_DETAIL)),
                      Scrub(Field(result, PG_DIAG_MESSAGE_HINT)), lost);
}

std::optional<std::vector<std::pair<std::string, std::string>>> ParseConnectionString(
    const std::string& text) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfoParse(text.c_str(), &message), PQconninfoFree);
    PQfreemem(message);
    if (!options) return std::nullopt;
    std::vector<std::pair<std::string, std::string>> given;
    for (const PQconninfoOption* one = options.get(); one->keyword; ++one)
        if (one->val) given.emplace_back(one->keyword, one->val);
    return given;
}

bool IsConnectionKeyword(const std::string& keyword) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconndefaults(),
                                                                               PQconninfoFree);
    if (!options) throw std::bad_alloc();
    for (const PQconninfoOption* one = options.get(); one->keyword; ++one)
        if (keyword == one->keyword) return true;
    return false;
}

}  // namespace pulse::pg
