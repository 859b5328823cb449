#include "pulse/web/gateway/request_reader.hpp"

#include <gtest/gtest.h>

namespace pulse::web::gateway {

namespace {

using State = RequestReader::State;

const std::string kGet = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

std::string Post(const std::string& headers, const std::string& body) {
    return "POST /x HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

// All of the bytes at once, as far as the first request goes.
State ReadAll(RequestReader& reader, const std::string& bytes) {
    State state = reader.Feed(bytes);
    while (state == State::kBody) {
        const size_t before = reader.size();
        state = reader.Feed({});
        if (state == State::kBody && reader.size() == before) break;
    }
    return state;
}

// The status with which bytes are refused; 0: they are not.
int Refused(const std::string& bytes, const RequestLimits& limits = {}) {
    RequestReader reader(limits);
    return ReadAll(reader, bytes) == State::kRefused ? reader.refusal().status : 0;
}

// The same, a byte at a time.
int RefusedInBytes(const std::string& bytes) {
    RequestReader reader{RequestLimits()};
    State state = State::kIdle;
    for (const char byte : bytes) {
        state = reader.Feed(std::string(1, byte));
        if (state == State::kBody) state = reader.Feed({});
        if (state == State::kRefused) return reader.refusal().status;
        if (state == State::kDone) return 0;
    }
    return -1;
}

// What other servers were found to accept. Each must be refused, however it arrives.
TEST(GatewayRequest, RefusesHostileRequests) {
    const struct {
        const char* what;
        std::string bytes;
        int status = 400;
    } kHostile[] = {
        {"both lengths", Post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"both lengths, the other way round",
         Post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n")},
        {"xchunked", Post("Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n", "")},
        {"gzip, chunked", Post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
        {"chunked twice", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
        {"two lengths", Post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")},
        {"the same length twice", Post("Content-Length: 1\r\nContent-Length: 1\r\n", "a")},
        {"+0", Post("Content-Length: +0\r\n", "")},
        {"0x0", Post("Content-Length: 0x0\r\n", "")},
        {"-1", Post("Content-Length: -1\r\n", "")},
        {"0,0", Post("Content-Length: 0,0\r\n", "")},
        {"a length without digits", Post("Content-Length: \r\n", "")},
        {"a length beyond 64 bits", Post("Content-Length: 18446744073709551617\r\n", "a")},
        {"a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
        {"bare LF", "GET / HTTP/1.1\nHost: a\n\n"},
        {"bare LF after one header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"},
        {"obs-fold", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"},
        {"obs-fold with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n"},
        {"a blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
        {"NUL", std::string("GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n", 36)},
        {"a bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n"},
        {"no Host", "GET / HTTP/1.1\r\n\r\n"},
        {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {"a chunk size of 0x0", Post("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n")},
        {"a chunk size that overflows", Post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\na")},
        {"chunk lines that end with LF", Post("Transfer-Encoding: chunked\r\n", "1\na\n0\n\n")},
        {"a chunk longer than it says", Post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n")},
        {"chunked in HTTP/1.0",
         "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {"HTTP/1.1.1", "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n"},
        {"HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"},
        {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a header without colon", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n"},
        {"a header without name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"},
        {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9)},
        {"another host in the target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a path that leaves", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a path that leaves, escaped", "GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a path that is no UTF-8", "GET /a%ff HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a query that is no UTF-8", "GET /a?\xff HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"a star", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"an expectation", Post("Expect: a miracle\r\nContent-Length: 1\r\n", "a"), 417},
    };
    for (const auto& [what, bytes, status] : kHostile) {
        EXPECT_EQ(Refused(bytes), status) << what;
        EXPECT_EQ(RefusedInBytes(bytes), status) << what << ", byte by byte";
    }
}

TEST(GatewayRequest, LimitsHeadAndTarget) {
    EXPECT_EQ(Refused("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n"), 431);
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 5'000; ++i) many += "X" + std::to_string(i) + ": y\r\n";
    EXPECT_EQ(Refused(many + "\r\n"), 431);
    EXPECT_EQ(Refused("GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
    EXPECT_EQ(Refused("GET /" + std::string(40'000, 'x')), 414);
    EXPECT_EQ(Refused(std::string(100, 'X') + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    // Just within.
    EXPECT_EQ(Refused("GET /" + std::string(8'000, 'x') +
                      " HTTP/1.1\r\nHost: a\r\nX: " + std::string(8'000, 'x') + "\r\n\r\n"),
              0);
}

TEST(GatewayRequest, LimitsBodies) {
    const RequestLimits limits{.body = 10, .large_body = 20};
    EXPECT_EQ(Refused(Post("Content-Length: 11\r\n", ""), limits), 413);
    EXPECT_EQ(Refused(Post("Content-Length: 21\r\n", ""), limits), 413);
    EXPECT_EQ(Refused(Post("Content-Length: 10\r\n", "0123456789"), limits), 0);
    EXPECT_EQ(Refused(Post("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n6\r\n"), limits), 413);
    EXPECT_EQ(
        Refused(Post("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), limits), 0);
    // Lines between chunks are no way to send what counts for no limit.
    EXPECT_EQ(Refused(Post("Transfer-Encoding: chunked\r\n", "1;" + std::string(20'000, 'x'))), 400);
}

TEST(GatewayRequest, ReadsARequest) {
    RequestReader reader{RequestLimits()};
    EXPECT_EQ(
        ReadAll(
            reader,
            "POST /a%20b/c?d=e&f HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 4\r\n\r\nbodyGET"),
        State::kDone);
    const Request& request = reader.request();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/a%20b/c");
    EXPECT_EQ(request.query, "d=e&f");
    EXPECT_EQ(Find(request.headers, "x-one"), "1, 2");
    EXPECT_EQ(request.body, "body");
    EXPECT_TRUE(request.keep_alive);
    EXPECT_TRUE(reader.has_input());
    EXPECT_EQ(reader.Next(), State::kHead);
}

TEST(GatewayRequest, ReadsRequestsBehindEachOther) {
    RequestReader reader{RequestLimits()};
    EXPECT_EQ(ReadAll(reader,
                      kGet + "\r\n" + kGet +
                          Post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n0\r\nHost: evil\r\n\r\n")),
              State::kDone);
    EXPECT_EQ(reader.Next(), State::kBody);
    EXPECT_EQ(reader.Feed({}), State::kDone);
    EXPECT_EQ(reader.request().path, "/health");
    EXPECT_EQ(reader.Next(), State::kBody);
    EXPECT_EQ(reader.Feed({}), State::kDone);
    EXPECT_EQ(reader.request().body, "abc");
    // A trailer is no header.
    EXPECT_EQ(Find(reader.request().headers, "host"), "a");
    EXPECT_EQ(reader.Next(), State::kIdle);
    EXPECT_EQ(reader.size(), 0U);
}

TEST(GatewayRequest, FindsTheRouteWithTheHead) {
    RequestReader reader{RequestLimits()};
    EXPECT_EQ(reader.Feed("GET //health/ HTTP/1.1\r\nHost: a\r\n\r\n"), State::kBody);
    ASSERT_NE(reader.request().route, nullptr);
    EXPECT_EQ(reader.request().route->path, "/health");
    EXPECT_TRUE(reader.request().read_only);
    RequestReader other{RequestLimits()};
    EXPECT_EQ(other.Feed("GET /ofrep/nothing HTTP/1.1\r\nHost: a\r\n\r\n"), State::kBody);
    EXPECT_EQ(other.request().route, nullptr);
    EXPECT_EQ(other.request().family, Family::kOfrep);
}

TEST(GatewayRequest, KeepsConnectionsAsVersionsSay) {
    const auto keeps = [](const std::string& bytes) {
        RequestReader reader{RequestLimits()};
        EXPECT_EQ(ReadAll(reader, bytes), State::kDone);
        return reader.request().keep_alive;
    };
    EXPECT_TRUE(keeps(kGet));
    EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(GatewayRequest, TakesTheTargetOfAProxy) {
    RequestReader reader{RequestLimits()};
    EXPECT_EQ(ReadAll(reader, "GET HTTP://A:80/b?c HTTP/1.1\r\nHost: a:80\r\n\r\n"), State::kDone);
    EXPECT_EQ(reader.request().path, "/b");
    EXPECT_EQ(reader.request().query, "c");
    RequestReader bare{RequestLimits()};
    EXPECT_EQ(ReadAll(bare, "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), State::kDone);
    EXPECT_EQ(bare.request().path, "/");
}

TEST(GatewayRequest, ExpectsToBeAsked) {
    const auto expects = [](const std::string& bytes) {
        RequestReader reader{RequestLimits()};
        reader.Feed(bytes);
        return reader.request().expects_continue;
    };
    EXPECT_TRUE(expects(Post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "")));
    EXPECT_FALSE(expects(Post("Expect: 100-continue\r\nContent-Length: 0\r\n", "")));
    EXPECT_FALSE(expects("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
}

}  // namespace

}  // namespace pulse::web::gateway
