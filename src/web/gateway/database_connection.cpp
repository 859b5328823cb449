#include "pulse/web/gateway/database_connection.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <openssl/ssl.h>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"

namespace pulse::web::gateway {

namespace {

constexpr const char* kCall = "pulse_http_call";
constexpr const char* kNext = "pulse_http_next";
constexpr milliseconds kGrace{2'000};  // after which a database that does not end a statement is given up

// libpq explains on further lines what people know.
std::string FirstLine(const char* text) {
    return std::string(text).substr(0, std::string_view(text).find('\n'));
}

// The entries of a list, `by` places further on.
std::string Rotate(const std::string& list, size_t by) {
    std::vector<std::string> entries;
    for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        entries.push_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    std::rotate(entries.begin(), entries.begin() + static_cast<long>(by % entries.size()), entries.end());
    std::string rotated = entries[0];
    for (size_t i = 1; i < entries.size(); ++i) rotated += "," + entries[i];
    return rotated;
}

Call OwnCall(const char* path, const nlohmann::json& body) {
    Call call;
    call.method = "POST";
    call.path = path;
    call.headers = "{}";
    call.body = DumpJson(body);
    call.client = R"({"gateway": true})";
    return call;
}

}  // namespace

std::string_view Outcome::Text(int column) const {
    std::string_view text(PQgetvalue(result.get(), 0, column),
                          static_cast<size_t>(PQgetlength(result.get(), 0, column)));
    constexpr Oid kJsonb = 3802;
    if (PQftype(result.get(), column) == kJsonb && !text.empty()) text.remove_prefix(1);
    return text;
}

Connection::Connection(boost::asio::io_context& io, ConnectionOptions options, Events events)
    : io_(io), options_(std::move(options)), events_(std::move(events)), socket_(io_) {}

Connection::~Connection() {
    Release();
}

// The descriptor belongs to libpq.
void Connection::Release() {
    ++generation_;
    watching_write_ = false;
    if (socket_.is_open()) socket_.release();
}

void Connection::Close(const std::string& why) {
    state_ = State::kClosed;
    Release();
    connection_.reset();
    std::deque<Pending> pending;
    pending.swap(pending_);
    for (Pending& one : pending) {
        one.outcome = {};
        one.outcome.lost = true;
        one.outcome.sqlstate = sqlstate::kConnectionLost;
        one.outcome.message = why;
        one.done(std::move(one.outcome));
    }
}

void Connection::Lose(std::string why) {
    if (state_ == State::kClosed) return;
    const auto self = shared_from_this();
    Close(why);
    events_.lost(why);
}

// libpq itself waits for the first host as long as the network does: each attempt begins with the next one.
std::vector<std::pair<std::string, std::string>> Connection::Parameters() {
    std::vector<std::pair<std::string, std::string>> parameters = {
        {"fallback_application_name", "pulse-http"}, {"tcp_user_timeout", "30000"}};
    char* problem = nullptr;
    PQconninfoOption* options = PQconninfoParse(options_.conninfo.c_str(), &problem);
    for (const PQconninfoOption* option = options; option && option->keyword; ++option) {
        if (!option->val) continue;
        const std::string name = option->keyword;
        const bool list = name == "host" || name == "hostaddr" || name == "port";
        const bool one = name == "port" && std::string_view(option->val).find(',') == std::string_view::npos;
        std::erase_if(parameters, [&](const auto& own) { return own.first == name; });
        parameters.emplace_back(name, list && !one ? Rotate(option->val, attempt_) : option->val);
    }
    if (!options) parameters.emplace_back("dbname", options_.conninfo);  // libpq says what is wrong
    PQconninfoFree(options);
    PQfreemem(problem);
    parameters.emplace_back("client_encoding", "UTF8");
    return parameters;
}

void Connection::Open() {
    const auto parameters = Parameters();
    std::vector<const char*> names, values;
    for (const auto& [name, value] : parameters) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    state_ = State::kConnecting;
    began_ = Clock::now();
    connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
    if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD || PQsocket(connection_.get()) < 0) {
        Poll();
        return;
    }
    const auto self = shared_from_this();
    socket_.assign(PQsocket(connection_.get()));
    socket_.async_wait(socket_.wait_write,
                       [self, generation = generation_](const boost::system::error_code& error) {
                           if (!error && generation == self->generation_) self->Poll();
                       });
}

void Connection::Poll() {
    const auto self = shared_from_this();
    Release();  // libpq may close the socket and open another one
    const PostgresPollingStatusType status =
        connection_ ? PQconnectPoll(connection_.get()) : PGRES_POLLING_FAILED;
    if (status == PGRES_POLLING_FAILED) {
        ++attempt_;
        Lose(connection_ ? FirstLine(PQerrorMessage(connection_.get())) : "out of memory");
        return;
    }
    socket_.assign(PQsocket(connection_.get()));
    if (status == PGRES_POLLING_OK) {
        Begin();
        return;
    }
    const auto direction = status == PGRES_POLLING_READING ? socket_.wait_read : socket_.wait_write;
    socket_.async_wait(direction, [self, generation = generation_](const boost::system::error_code& error) {
        if (!error && generation == self->generation_) self->Poll();
    });
}

void Connection::Begin() {
    state_ = State::kPreparing;
    PGconn* connection = connection_.get();
    PQsetNoticeProcessor(
        connection, [](void*, const char*) {}, nullptr);
    if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1) {
        Lose("libpq has no pipeline mode");
        return;
    }
    constexpr const char* kFind =
        "SELECT n.nspname::text, set_config('statement_timeout', $1, false),"
        " set_config('idle_session_timeout', '0', false), set_config('timezone', 'UTC', false)"
        " FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'pulse'";
    const std::string time = std::to_string(options_.request_time.count());
    const char* const values[] = {time.c_str()};
    const bool sent = PQsendQueryParams(connection, kFind, 1, nullptr, values, nullptr, nullptr, 1) == 1;
    Queue(sent, [this](Outcome outcome) {
        if (outcome.lost) return;
        if (!outcome.result) return Lose(outcome.message);
        if (PQntuples(outcome.result.get()) == 0) return Lose("extension pulse is not in this database");
        Prepare(std::string(outcome.Text(0)));
    });
    Watch();
}

void Connection::Prepare(std::string schema) {
    PGconn* connection = connection_.get();
    char* quoted = PQescapeIdentifier(connection, schema.data(), schema.size());
    const std::string name = quoted ? quoted : "";
    PQfreemem(quoted);
    const std::string call = "SELECT status::int4, headers::jsonb, body::bytea, info::jsonb FROM " + name +
                             ".pulse_http($1::text, $2::text, $3::text, $4::jsonb, $5::bytea, $6::jsonb)";
    const std::string next = "SELECT body::bytea, next::text FROM " + name + ".pulse_http_next($1::text)";
    const auto failed = [this](Outcome outcome) {
        if (!outcome.lost && !outcome.result) Lose(outcome.message);
    };
    Queue(PQsendPrepare(connection, kCall, call.c_str(), 0, nullptr) == 1, failed);
    if (state_ == State::kClosed) return;
    Queue(PQsendPrepare(connection, kNext, next.c_str(), 0, nullptr) == 1, failed);
    if (state_ == State::kClosed) return;
    Send(OwnCall("/gateway/hello", {{"interface", kInterfaceVersion}}),
         [this](Outcome outcome) { ReadHello(outcome); });
}

void Connection::ReadHello(const Outcome& outcome) {
    if (outcome.lost) return;
    if (!outcome.result) return Lose(outcome.message);
    if (PQntuples(outcome.result.get()) != 1 || outcome.IsNull(0)) return Lose("pulse_http() gave no answer");
    const std::string_view bytes = outcome.Text(0);
    int status = 0;
    for (const char byte : bytes) status = status << 8 | static_cast<unsigned char>(byte);
    const std::string body(outcome.IsNull(2) ? std::string_view() : outcome.Text(2));
    if (status != 200) return Lose("Pulse in the database does not work with this program: " + body);
    const nlohmann::json hello = ParseJsonOrDiscard(body);
    writable_ = hello.is_object() && hello.contains("writable") && hello["writable"] == true;
    state_ = State::kReady;
    events_.ready();
}

void Connection::Send(const Call& call, Done done) {
    const std::array<const char*, 6> values = {
        call.method.c_str(),  call.path.c_str(), call.query ? call.query->c_str() : nullptr,
        call.headers.c_str(), call.body.data(),  call.client.c_str()};
    const std::array<int, 6> lengths = {0, 0, 0, 0, static_cast<int>(call.body.size()), 0};
    constexpr std::array<int, 6> kFormats = {0, 0, 0, 0, 1, 0};
    Queue(PQsendQueryPrepared(connection_.get(), kCall, 6, values.data(), lengths.data(), kFormats.data(),
                              1) == 1,
          std::move(done));
}

void Connection::SendNext(const std::string& token, Done done) {
    const char* const values[] = {token.c_str()};
    Queue(PQsendQueryPrepared(connection_.get(), kNext, 1, values, nullptr, nullptr, 1) == 1,
          std::move(done));
}

// A Sync behind each statement ends its transaction, so that none depends on another one.
void Connection::Queue(bool sent, Done done) {
    const auto self = shared_from_this();
    pending_.push_back({std::move(done), {}, Clock::now()});
    if (!sent || PQpipelineSync(connection_.get()) != 1) {
        Lose(FirstLine(PQerrorMessage(connection_.get())));
        return;
    }
    WatchWrite();
}

void Connection::WatchWrite() {
    if (watching_write_ || !connection_) return;
    const int left = PQflush(connection_.get());
    if (left < 0) {
        Lose(FirstLine(PQerrorMessage(connection_.get())));
        return;
    }
    if (left == 0) return;
    watching_write_ = true;
    socket_.async_wait(socket_.wait_write, [self = shared_from_this(), generation = generation_](
                                               const boost::system::error_code& error) {
        if (error || generation != self->generation_) return;
        self->watching_write_ = false;
        self->WatchWrite();
    });
}

void Connection::Watch() {
    socket_.async_wait(socket_.wait_read, [self = shared_from_this(),
                                           generation = generation_](const boost::system::error_code& error) {
        if (error || generation != self->generation_) return;
        self->Receive();
        if (generation == self->generation_) self->Watch();
    });
}

// What OpenSSL has read of a record, and libpq had no room for, is no news for the socket: nothing would come
// to wait for. Recent releases of libpq read it by themselves.
bool Connection::HasUnreadInput() const {
    void* ssl = connection_ ? PQsslStruct(connection_.get(), "OpenSSL") : nullptr;
    return ssl && SSL_pending(static_cast<SSL*>(ssl)) > 0;
}

void Connection::Receive() {
    const uint64_t generation = generation_;
    do {
        if (PQconsumeInput(connection_.get()) != 1) {
            Lose(FirstLine(PQerrorMessage(connection_.get())));
            return;
        }
        while (generation == generation_ && TakeResult()) {
        }
    } while (generation == generation_ && HasUnreadInput());
}

// Take one result that has arrived. Returns false if there is none.
bool Connection::TakeResult() {
    PGconn* connection = connection_.get();
    if (pending_.empty() || PQisBusy(connection)) return false;
    PGresult* taken = PQgetResult(connection);
    if (!taken) {
        // Between a statement and its Sync; a second one means that nothing is left.
        if (PQisBusy(connection)) return false;
        taken = PQgetResult(connection);
        if (!taken) return false;
    }
    std::unique_ptr<PGresult, decltype(&PQclear)> result(taken, PQclear);
    Outcome& outcome = pending_.front().outcome;
    switch (PQresultStatus(result.get())) {
        case PGRES_PIPELINE_SYNC: {
            Pending done = std::move(pending_.front());
            pending_.pop_front();
            if (!pending_.empty()) pending_.front().since = Clock::now();
            done.done(std::move(done.outcome));
            return true;
        }
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK: outcome.result = std::move(result); return true;
        default: {
            // Also at commit, after the statement succeeded.
            const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
            const char* message = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
            outcome.result.reset();
            outcome.sqlstate = state ? state : "";
            outcome.message = message ? message : FirstLine(PQresultErrorMessage(result.get()));
            if (PQstatus(connection) == CONNECTION_BAD) {
                Lose(outcome.message);
                return false;
            }
            return true;
        }
    }
}

void Connection::CheckTime(Clock::time_point now) {
    if (state_ == State::kConnecting || state_ == State::kPreparing) {
        if (now - began_ <= options_.connect_time) return;
        ++attempt_;
        Lose("connecting to the database took too long");
    } else if (!pending_.empty() && now - pending_.front().since > options_.request_time + kGrace) {
        Lose("the database did not answer in time");
    }
}

}  // namespace pulse::web::gateway
