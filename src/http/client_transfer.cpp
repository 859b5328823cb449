#include "client_transfer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <new>
#include <sys/socket.h>
#include <system_error>

#include "client_text.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::http::client {

namespace {

constexpr size_t kMostHeaders = 64 * 1024;
constexpr int64_t kLongestRetryAfter = 24 * 60 * 60;
// The SMTP status of a refused login.
constexpr int kLoginRefused = 535;

std::string FormatMilliseconds(int milliseconds) {
    return FormatDuration(int64_t{milliseconds} * 1000);
}

IpAddress AddressOf(const curl_sockaddr& from) {
    // The address may be longer than the field that contains it.
    const char* bytes = reinterpret_cast<const char*>(&from) + offsetof(curl_sockaddr, addr);
    IpAddress result;
    if (from.family == AF_INET) {
        result.bytes[10] = result.bytes[11] = 0xff;
        std::memcpy(result.bytes.data() + 12, bytes + offsetof(sockaddr_in, sin_addr), 4);
    } else {
        std::memcpy(result.bytes.data(), bytes + offsetof(sockaddr_in6, sin6_addr), result.bytes.size());
    }
    return result;
}

}  // namespace

Transfer::Transfer() : easy_(curl_easy_init()) {
    if (!easy_) throw std::bad_alloc();
}

Transfer::~Transfer() {
    Clear();
    curl_easy_cleanup(easy_);
}

Transfer* Transfer::Of(CURL* easy) {
    char* self = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
    return reinterpret_cast<Transfer*>(self);
}

void Transfer::Clear() {
    curl_easy_reset(easy_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(receivers_);
    headers_ = receivers_ = nullptr;
    request_ = Request();
    target_ = Target();
    rules_.reset();
    body_.clear();
    reply_.clear();
    refusals_.clear();
    kept_.clear();
    refused_.clear();
    if (body_.capacity() > kMostHeaders) body_.shrink_to_fit();
    cut_ = long_headers_ = opened_ = no_descriptor_ = false;
    header_bytes_ = sent_ = 0;
    socket_ = -1;
    error_[0] = '\0';
}

void Transfer::Begin(uint64_t number, Request request, Target target,
                     std::shared_ptr<const AddressRules> rules, const std::string& agent) {
    number_ = number;
    request_ = std::move(request);
    target_ = std::move(target);
    rules_ = std::move(rules);
    SetCommon(agent);
    if (request_.mail)
        SetMail();
    else
        SetHttp();
    Set(CURLOPT_HTTPHEADER, headers_);
}

void Transfer::SetCommon(const std::string& agent) {
    Set(CURLOPT_PRIVATE, static_cast<void*>(this));
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_NOSIGNAL, 1L);
    // Closing does not wait for a running name lookup.
    Set(CURLOPT_QUICK_EXIT, 1L);
    Set(CURLOPT_CURLU, target_.url.get());
    // Environment variables must not redirect requests.
    Set(CURLOPT_PROXY, "");
    Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_PROTOCOLS_STR, rules_->allow_http() ? "https,smtps,smtp,http" : "https,smtps,smtp");
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!request_.ca_file.empty()) {
        Set(CURLOPT_CAINFO, request_.ca_file.c_str());
        Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout));
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout));
    Set(CURLOPT_USERAGENT, agent.c_str());
    if (request_.once) Set(CURLOPT_FRESH_CONNECT, 1L);
    Set(CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
    Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    Set(CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
    Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    Set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnOpen);
    Set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    Set(CURLOPT_PREREQFUNCTION, &Transfer::OnConnected);
    Set(CURLOPT_PREREQDATA, static_cast<void*>(this));
}

void Transfer::AddHeader(const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_, line.c_str());
    if (!longer) throw std::bad_alloc();
    headers_ = longer;
}

void Transfer::SetHttp() {
    // One request at a time per connection: limits count requests, and no answer waits for another one.
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    bool typed = false;
    for (const auto& [name, value] : request_.headers) {
        typed = typed || strcasecmp(name.c_str(), "content-type") == 0;
        AddHeader(value.empty() ? name + ";" : name + ": " + value);
    }
    AddHeader("Expect:");
    if (!typed) AddHeader("Content-Type:");
    if (request_.method == "HEAD") {
        Set(CURLOPT_NOBODY, 1L);
        return;
    }
    if (request_.method == "GET" && request_.body.empty()) return;
    Set(CURLOPT_POST, 1L);
    Set(CURLOPT_POSTFIELDS, request_.body.data());
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    if (request_.method != "POST") Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Transfer::SetMail() {
    const Mail& mail = *request_.mail;
    Set(CURLOPT_USE_SSL, static_cast<long>(mail.require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (!mail.user.empty()) {
        Set(CURLOPT_USERNAME, mail.user.c_str());
        Set(CURLOPT_PASSWORD, mail.password.c_str());
    }
    Set(CURLOPT_MAIL_FROM, ("<" + mail.from + ">").c_str());
    for (const std::string& to : mail.to) {
        curl_slist* longer = curl_slist_append(receivers_, ("<" + to + ">").c_str());
        if (!longer) throw std::bad_alloc();
        receivers_ = longer;
    }
    Set(CURLOPT_MAIL_RCPT, receivers_);
    // One invalid recipient does not keep the mail from the others.
    Set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    Set(CURLOPT_UPLOAD, 1L);
    Set(CURLOPT_READFUNCTION, &Transfer::OnRead);
    Set(CURLOPT_READDATA, static_cast<void*>(this));
    Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    // libcurl waits for the answer to QUIT before it does anything else; see OnDebug().
    Set(CURLOPT_FORBID_REUSE, 1L);
    Set(CURLOPT_VERBOSE, 1L);
    Set(CURLOPT_DEBUGFUNCTION, &Transfer::OnDebug);
    Set(CURLOPT_DEBUGDATA, static_cast<void*>(this));
}

size_t Transfer::OnBody(char* data, size_t size, size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const size_t bytes = size * count;
    const size_t room = transfer->request_.max_answer - transfer->body_.size();
    try {
        transfer->body_.append(data, std::min(bytes, room));
    } catch (const std::exception&) {
        return 0;
    }
    transfer->cut_ = bytes > room;
    return transfer->cut_ ? 0 : bytes;
}

// Also receives the replies of SMTP servers.
size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const size_t bytes = size * count;
    transfer->header_bytes_ += bytes;
    transfer->long_headers_ = transfer->header_bytes_ > kMostHeaders;
    if (transfer->long_headers_) return 0;
    try {
        if (transfer->request_.mail)
            transfer->KeepReply(std::string(data, bytes));
        else if (!transfer->request_.keep.empty())
            transfer->KeepHeader(std::string_view(data, bytes));
    } catch (const std::exception&) {
        return 0;
    }
    return bytes;
}

void Transfer::KeepHeader(std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name = LowerUtf8(line.substr(0, colon));
    if (std::find(request_.keep.begin(), request_.keep.end(), name) == request_.keep.end()) return;
    const size_t first = line.find_first_not_of(" \t", colon + 1);
    std::string value = first == std::string_view::npos ? "" : std::string(line.substr(first));
    kept_.emplace_back(std::move(name), OneLine(value));
}

void Transfer::KeepReply(const std::string& line) {
    const bool more = reply_.size() > 3 && reply_.back() == '\n';
    if (!more) reply_.clear();
    reply_ += OneLine(line);
    if (line.size() > 3 && line[3] == '-') {
        reply_ += '\n';
        return;
    }
    // 450 to 459 and 550 to 559 are about mailboxes.
    if (line.size() > 2 && (line[0] == '4' || line[0] == '5') && line[1] == '5') {
        if (!refusals_.empty()) refusals_ += "; ";
        refusals_ += OneLine(reply_);
    }
}

size_t Transfer::OnRead(char* data, size_t size, size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const size_t bytes = std::min(size * count, transfer->request_.body.size() - transfer->sent_);
    std::memcpy(data, transfer->request_.body.data() + transfer->sent_, bytes);
    transfer->sent_ += bytes;
    return bytes;
}

// After a mail, libcurl sends QUIT and blocks all transfers until the server replies. The reply is not
// needed, so the socket is shut down for reading.
int Transfer::OnDebug(CURL*, curl_infotype type, char* data, size_t size, void* self) {
    const auto* transfer = static_cast<Transfer*>(self);
    if (type == CURLINFO_HEADER_OUT && size >= 4 && std::memcmp(data, "QUIT", 4) == 0 &&
        transfer->socket_ >= 0)
        shutdown(transfer->socket_, SHUT_RD);
    return 0;
}

// Checks the address before the request is sent: a kept connection may have been opened under other rules.
int Transfer::OnConnected(void* self, char* address, char*, int, int) {
    auto* transfer = static_cast<Transfer*>(self);
    try {
        const auto parsed = ParseIpAddress(address ? address : "");
        transfer->refused_ = parsed ? transfer->rules_->Refuses(transfer->target_.host, *parsed)
                                    : "the address of the receiver is unknown";
        if (transfer->refused_.empty()) return CURL_PREREQFUNC_OK;
        transfer->opened_ = false;
    } catch (const std::exception&) {
    }
    return CURL_PREREQFUNC_ABORT;
}

// Checks the address that the socket connects to, whatever DNS returned before.
curl_socket_t Transfer::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
    auto* transfer = static_cast<Transfer*>(self);
    try {
        if (address->family != AF_INET && address->family != AF_INET6) return CURL_SOCKET_BAD;
        const std::string refused = transfer->rules_->Refuses(transfer->target_.host, AddressOf(*address));
        if (!refused.empty()) {
            transfer->refused_ = refused;
            return CURL_SOCKET_BAD;
        }
    } catch (const std::exception&) {
        return CURL_SOCKET_BAD;
    }
    const int opened = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    transfer->no_descriptor_ = opened < 0 && (errno == EMFILE || errno == ENFILE);
    if (opened < 0) return CURL_SOCKET_BAD;
    transfer->opened_ = true;
    transfer->socket_ = opened;
    return opened;
}

std::string Transfer::Explain(CURLcode code) const {
    const std::string& host = target_.host;
    const std::string place = host + ":" + target_.port;
    if (long_headers_) return "the headers of the answer from " + host + " are too long";
    if (no_descriptor_ && !opened_) return "could not connect to " + place + ": too many open files";
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST: return "could not resolve host name " + host;
        case CURLE_COULDNT_CONNECT: {
            long number = 0;
            curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &number);
            const std::string why =
                number ? std::generic_category().message(static_cast<int>(number)) : "refused";
            return "could not connect to " + place + ": " + why;
        }
        case CURLE_OPERATION_TIMEDOUT: {
            curl_off_t connected = 0, looked_up = 0, total = 0;
            curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected);
            curl_easy_getinfo(easy_, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
            curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &total);
            if (connected != 0 || total >= int64_t{request_.timeout} * 1000)
                return "no complete answer from " + host + " within " + FormatMilliseconds(request_.timeout);
            if (looked_up == 0)
                return "could not resolve host name " + host + " within " +
                       FormatMilliseconds(request_.connect_timeout);
            return "no connection to " + place + " within " + FormatMilliseconds(request_.connect_timeout);
        }
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
            return "TLS with " + host + " failed: " + (error_[0] ? error_ : curl_easy_strerror(code));
        case CURLE_USE_SSL_FAILED: return host + " does not offer STARTTLS";
        case CURLE_LOGIN_DENIED: return host + " refused the login";
        case CURLE_GOT_NOTHING: return host + " closed the connection without an answer";
        case CURLE_PARTIAL_FILE: return "the answer from " + host + " ended prematurely";
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR: return "the connection to " + host + " was lost";
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            return "the answer from " + host + " is not valid " + (request_.mail ? "SMTP" : "HTTP");
        default: return host + ": " + (error_[0] ? error_ : curl_easy_strerror(code));
    }
}

// A reply of an SMTP server is an answer, even if libcurl reports an error.
void Transfer::FinishMail(Response& answer, CURLcode code) const {
    answer.body = OneLine(reply_);
    if (code == CURLE_OK) {
        if (!refusals_.empty()) answer.body += "; refused for some recipients: " + refusals_;
        return;
    }
    if (code == CURLE_LOGIN_DENIED) {
        if (answer.status < 400) answer.status = kLoginRefused;
        return;
    }
    const bool spoken =
        code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_REMOTE_ACCESS_DENIED;
    if (spoken && answer.status >= 400)
        answer.error.clear();
    else
        answer.status = 0;
}

Response Transfer::Finish(CURLcode code) {
    Response answer;
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    curl_off_t microseconds = 0, wait = 0;
    curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &microseconds);
    answer.milliseconds = static_cast<double>(microseconds) / 1000;
    long sent = 0;
    curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent);
    answer.sent = sent > 0;
    const char* type = nullptr;
    curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
    if (type) answer.content_type = CleanUtf8(OneLine(type));
    if (curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
        answer.retry_after = std::min<int64_t>(wait, kLongestRetryAfter);
    answer.body = std::move(body_);
    body_.clear();

    if (!refused_.empty() && !opened_) {
        answer.forbidden = true;
        answer.status = 0;
        answer.error = refused_;
    } else if (code != CURLE_OK && !(cut_ && code == CURLE_WRITE_ERROR)) {
        answer.error = Explain(code);
    }
    if (request_.mail && !answer.forbidden) FinishMail(answer, code);

    std::vector<std::string> secrets = std::move(request_.secrets);
    secrets.insert(secrets.end(), target_.secrets.begin(), target_.secrets.end());
    if (request_.mail && !request_.mail->password.empty()) secrets.push_back(request_.mail->password);
    answer.body = CleanUtf8(Scrub(std::move(answer.body), secrets, cut_));
    answer.error = OneLine(CleanUtf8(Scrub(std::move(answer.error), secrets)));
    answer.headers = std::move(kept_);
    for (auto& [name, value] : answer.headers) value = CleanUtf8(Scrub(std::move(value), secrets));
    return answer;
}

}  // namespace pulse::http::client
