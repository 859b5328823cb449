#include "pulse/web/gateway/request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "pulse/base/utf8.hpp"
#include "pulse/web/console.hpp"

namespace pulse::web::gateway {

namespace {

namespace beast = boost::beast;

// What the parser may keep unread of a body: one line between chunks, or the end of one.
constexpr size_t kMostUnread = 8 << 10;
constexpr size_t kLongestMethod = 32;

char ToLower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string LowerText(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), ToLower);
    return lower;
}

// Repeated headers as one, in the order of the first.
Headers Join(const Headers& headers) {
    Headers joined;
    for (const auto& [name, value] : headers) {
        const auto same = std::find_if(joined.begin(), joined.end(),
                                       [&own = name](const auto& header) { return header.first == own; });
        if (same == joined.end())
            joined.emplace_back(name, value);
        else
            same->second += (name == "cookie" ? "; " : ", ") + value;
    }
    return joined;
}

Refusal RefusalOf(const beast::error_code& code) {
    using Error = beast::http::error;
    if (code == Error::body_limit) return {413, ""};
    if (code == Error::header_limit) return {431, ""};
    return {400, ""};
}

bool HasBareLineFeed(std::string_view text) {
    for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
        if (at == 0 || text[at - 1] != '\r') return true;
    return false;
}

}  // namespace

struct RequestReader::Parser : beast::http::request_parser<beast::http::string_body> {};

RequestReader::RequestReader(const RequestLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;

size_t RequestReader::size() const {
    return input_.size() + request_.body.size() + (parser_ ? parser_->get().body().size() : 0);
}

RequestReader::State RequestReader::Refuse(int status, const char* reason) {
    refusal_ = {status, reason};
    request_.keep_alive = false;
    return state_ = State::kRefused;
}

RequestReader::State RequestReader::Feed(std::string_view bytes) {
    input_.append(bytes);
    switch (state_) {
        case State::kIdle:
        case State::kHead: return ReadHead();
        case State::kBody: return ReadBody();
        case State::kDone:
        case State::kRefused: break;
    }
    return state_;
}

RequestReader::State RequestReader::Next() {
    parser_.reset();
    request_ = {};
    scanner_ = {};
    state_ = State::kIdle;
    if (input_.empty()) {
        std::string().swap(input_);  // an idle connection costs no memory
        return state_;
    }
    return ReadHead();
}

RequestReader::State RequestReader::ReadHead() {
    // Some clients send an empty line after a body.
    if (state_ == State::kIdle) {
        size_t blank = 0;
        while (input_.compare(blank, 2, "\r\n") == 0) blank += 2;
        input_.erase(0, blank);
    }
    if (input_.empty() || (state_ == State::kIdle && input_ == "\r")) return state_;
    state_ = State::kHead;
    const HeadScanner::Result result = scanner_.Scan(std::string_view(input_).substr(0, limits_.head));
    if (result == HeadScanner::Result::kRefused) return Refuse(400, "the head is not valid");
    if (result == HeadScanner::Result::kMore) {
        if (input_.size() < limits_.head) return state_;
        return scanner_.has_line() ? Refuse(431, "") : Refuse(414, "");
    }

    parser_ = std::make_unique<Parser>();
    parser_->header_limit(static_cast<uint32_t>(limits_.head + 1));
    parser_->body_limit(std::max(limits_.body, limits_.large_body));
    beast::error_code error;
    const size_t used = parser_->put(boost::asio::buffer(input_.data(), scanner_.size()), error);
    if (error && error != beast::http::error::need_more) {
        const Refusal refusal = RefusalOf(error);
        return Refuse(refusal.status, refusal.reason);
    }
    if (!parser_->is_header_done()) return Refuse(400, "");
    input_.erase(0, used);
    TakeHead();
    const auto& message = parser_->get();
    const std::string_view target(message.target().data(), message.target().size());
    for (const Refusal& refusal : {CheckFraming(request_.headers, request_.version), CheckTarget(target)})
        if (refusal) return Refuse(refusal.status, refusal.reason);
    request_.headers = Join(request_.headers);
    if (const Refusal refusal = CheckBody()) return Refuse(refusal.status, refusal.reason);
    parser_->eager(true);
    return state_ = State::kBody;
}

void RequestReader::TakeHead() {
    const auto& message = parser_->get();
    request_.method.assign(message.method_string().data(), message.method_string().size());
    request_.version = static_cast<int>(message.version());
    request_.keep_alive = parser_->keep_alive();
    for (const auto& field : message)
        request_.headers.emplace_back(LowerText({field.name_string().data(), field.name_string().size()}),
                                      std::string(field.value().data(), field.value().size()));
}

Refusal RequestReader::CheckTarget(std::string_view target) {
    if (request_.method.size() > kLongestMethod) return {400, "the method is too long"};
    if (target.size() > limits_.target) return {414, ""};
    // A proxy's form of the target, which must agree with Host.
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (LowerText(target.substr(0, scheme.size())) != scheme) continue;
        target.remove_prefix(scheme.size());
        const size_t end = std::min(target.find_first_of("/?"), target.size());
        if (LowerText(target.substr(0, end)) != LowerText(Find(request_.headers, "host")))
            return {400, "the target and Host name different hosts"};
        target.remove_prefix(end);
    }
    const size_t mark = std::min(target.find('?'), target.size());
    request_.path = target.empty() || target.front() == '?' ? "/" : std::string(target.substr(0, mark));
    if (mark < target.size()) request_.query = target.substr(mark + 1);
    if (target.find('#') != std::string_view::npos || ValidUtf8(target) != target.size())
        return {400, "the request target is not valid"};
    const std::optional<std::vector<std::string>> segments = SplitPath(request_.path);
    if (!segments) return {400, "the path is not valid"};
    const RouteMatch match = FindRoute(request_.method, RoutePath(*segments));
    request_.route = match.route;
    request_.family = match.family;
    if (match.route) {
        request_.lane = match.route->lane;
        request_.read_only = match.route->read_only;
    }
    if (request_.method == "CONNECT" || request_.method == "TRACE") return {405, ""};
    return {};
}

Refusal RequestReader::CheckBody() {
    request_.body_limit = request_.route && request_.route->large ? limits_.large_body : limits_.body;
    const auto length = parser_->content_length();
    if (length && *length > request_.body_limit) return {413, ""};
    const std::string expected = LowerText(Find(request_.headers, "expect"));
    if (!expected.empty() && expected != "100-continue") return {417, "this expectation cannot be met"};
    request_.expects_continue = !expected.empty() && request_.version >= 11 && !parser_->is_done();
    // A body of known length was checked; what is left in the parser's limit counts for chunks.
    if (parser_->chunked()) parser_->body_limit(request_.body_limit);
    return {};
}

RequestReader::State RequestReader::ReadBody() {
    size_t at = 0;
    while (!parser_->is_done()) {
        beast::error_code error;
        at += parser_->put(boost::asio::buffer(input_.data() + at, input_.size() - at), error);
        if (error == beast::http::error::need_more) {
            // The parser would wait for a line that ends with CR LF.
            const std::string_view unread = std::string_view(input_).substr(at);
            if (unread.size() > kMostUnread || HasBareLineFeed(unread))
                return Refuse(400, "the body is not valid");
            break;
        }
        if (error) {
            const Refusal refusal = RefusalOf(error);
            return Refuse(refusal.status, refusal.reason);
        }
        if (at == input_.size()) break;
    }
    input_.erase(0, at);
    if (!parser_->is_done()) return state_;
    request_.body = std::move(parser_->get().body());
    parser_.reset();
    return state_ = State::kDone;
}

}  // namespace pulse::web::gateway
