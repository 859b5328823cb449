#include "pulse/pg/remote.hpp"

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

Remote::Remote(const RemoteParameters& parameters, int milliseconds) {
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
    // No expansion of dbname: it must not contain a connection string.
    PGconn* connection = PQconnectStartParams(keywords.data(), values.data(), 0);
    if (!connection) {
        ReleaseExternalFD();
        throw std::bad_alloc();
    }
    connection_.reset(connection);
    PQsetNoticeReceiver(connection, IgnoreNotice, nullptr);
    Poll(milliseconds);
    if (PQsetnonblocking(connection, 1) != 0) ThrowLost(sqlstate::kCannotConnect);
}

void Remote::Poll(int milliseconds) {
    limit_ = milliseconds;
    deadline_ = Clock::now() + std::chrono::milliseconds(milliseconds);
    if (PQstatus(connection_.get()) == CONNECTION_BAD) ThrowLost(sqlstate::kCannotConnect);
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
         next = PQconnectPoll(connection_.get())) {
        if (next == PGRES_POLLING_FAILED) ThrowLost(sqlstate::kCannotConnect);
        Wait(next == PGRES_POLLING_WRITING);
    }
}

// Wait for the socket until the deadline.
void Remote::Wait(bool writing) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        if (left <= 0)
            throw RemoteError(sqlstate::kConnectionLost, "no answer within " + std::to_string(limit_) + " ms",
                              "", "", true);
        const int socket = PQsocket(connection_.get());
        if (socket < 0) ThrowLost(sqlstate::kConnectionLost);
        const Woken woken = WaitForSocket(socket, writing, static_cast<long>(left));
        if (woken == Woken::kReadable || woken == Woken::kWritable) return;
    }
}

void Remote::Send(bool sent) {
    if (!sent) ThrowLost(sqlstate::kConnectionLost);
    for (;;) {
        const int left = PQflush(connection_.get());
        if (left < 0) ThrowLost(sqlstate::kConnectionLost);
        if (left == 0) return;
        Wait(true);
    }
}

// The next result of the request, or null if there are no more.
Remote::Answer Remote::Next() {
    while (PQisBusy(connection_.get())) {
        Wait(false);
        if (!PQconsumeInput(connection_.get())) ThrowLost(sqlstate::kConnectionLost);
    }
    return Answer(PQgetResult(connection_.get()));
}

RemoteRows Remote::Collect(size_t max_bytes) {
    RemoteRows rows;
    size_t bytes = 0;
    int unchecked = 0;
    Answer failure;
    while (Answer answer = Next()) {
        switch (PQresultStatus(answer.get())) {
            case PGRES_SINGLE_TUPLE:
            case PGRES_TUPLES_OK: Append(answer.get(), rows, bytes, max_bytes); break;
            case PGRES_COMMAND_OK:
            case PGRES_EMPTY_QUERY: break;
            default: Throw(answer.get());
        }
        if (++unchecked % kRowsPerCheck == 0) CheckInterrupts();
    }
    if (failure) Throw(failure.get());
    if (!Alive()) ThrowLost(sqlstate::kConnectionLost);
    return rows;
}

void Remote::Append(const pg_result* result, RemoteRows& rows, size_t& bytes, size_t max_bytes) const {
    const int columns = PQnfields(result);
    if (rows.names.empty()) {
        for (int c = 0; c < columns; ++c) {
            rows.names.emplace_back(PQfname(result, c));
            rows.types.push_back(PQftype(result, c));
            rows.modifiers.push_back(PQfmod(result, c));
        }
    }
    for (int r = 0; r < PQntuples(result); ++r) {
        auto& row = rows.values.emplace_back();
        for (int c = 0; c < columns; ++c) {
            if (PQgetisnull(result, r, c)) {
                row.emplace_back();
            } else {
                row.emplace_back(
                    std::string(PQgetvalue(result, r, c), static_cast<size_t>(PQgetlength(result, r, c))));
                bytes += row.back()->size();
            }
            bytes += sizeof(std::optional<std::string>);
        }
    }
    if (bytes > max_bytes)
        throw RemoteError(sqlstate::kProgramLimit,
                          "the result is larger than " + std::to_string(max_bytes >> 20) + " MB", "",
                          "Select fewer rows or columns.", false);
}

RemoteRows Remote::RunScript(const std::string& sql, int milliseconds) {
    limit_ = milliseconds;
    deadline_ = Clock::now() + std::chrono::milliseconds(milliseconds);
    Send(PQsendQuery(connection_.get(), sql.c_str()) == 1);
    RemoteRows rows = Collect(SIZE_MAX);
    return rows;
}

RemoteRows Remote::Run(const std::string& sql, int milliseconds, size_t max_bytes) {
    limit_ = milliseconds;
    deadline_ = Clock::now() + std::chrono::milliseconds(milliseconds);
    const bool sent =
        PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
    if (sent) PQsetSingleRowMode(connection_.get());
    Send(sent);
    return Collect(max_bytes);
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

}  // namespace pulse::pg
