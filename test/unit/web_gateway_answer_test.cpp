#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pulse/web/gateway/call.hpp"
#include "pulse/web/gateway/log_line.hpp"
#include "pulse/web/gateway/metrics.hpp"
#include "pulse/web/gateway/response.hpp"

namespace pulse::web::gateway {

namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::system_clock;

const std::chrono::sys_seconds kThen{seconds(784'111'777)};

TEST(GatewayResponse, HasAHead) {
    EXPECT_EQ(
        RenderHead(200, {{"content-type", "a/b"}}, 3, {.keep_alive = true, .request = "r1", .now = kThen}),
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-type: a/b\r\nX-Request-Id: r1\r\n"
        "Content-Length: 3\r\n\r\n");
    EXPECT_EQ(RenderHead(204, {}, 0, {.now = kThen}),
              "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(
        RenderHead(200, {}, 0, {.version = 10, .keep_alive = true, .now = kThen}),
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(GatewayResponse, FramesSlices) {
    EXPECT_NE(
        RenderHead(200, {}, 0, {.keep_alive = true, .sliced = true}).find("Transfer-Encoding: chunked\r\n"),
        std::string::npos);
    const std::string old = RenderHead(200, {}, 0, {.version = 10, .sliced = true});
    EXPECT_EQ(old.find("Transfer-Encoding"), std::string::npos);
    EXPECT_EQ(old.find("Content-Length"), std::string::npos);
    EXPECT_EQ(Chunk("0123456789abcdef"), "10\r\n0123456789abcdef\r\n");
}

TEST(GatewayResponse, WritesItselfWhatBelongsToTheConnection) {
    const std::string head = RenderHead(
        200, {{"content-length", "99"}, {"transfer-encoding", "chunked"}, {"connection", "x"}, {"date", "x"}},
        3, {});
    EXPECT_EQ(head.find("99"), std::string::npos);
    EXPECT_EQ(head.find("chunked"), std::string::npos);
}

TEST(GatewayResponse, CannotBeSplit) {
    EXPECT_TRUE(AreSafe({{"x-a", "b\tc \xC3\xA9"}}));
    for (const char* value : {"a\r\nb: c", "a\nb", "a\rb", "a\x01", "a\x7f"})
        EXPECT_FALSE(AreSafe({{"x-a", value}})) << value;
    EXPECT_FALSE(AreSafe({{"x-a", std::string("a\0b", 3)}}));
    for (const char* name : {"", "a b", "a:", "a\r\nb", "\xC3\xA9"})
        EXPECT_FALSE(AreSafe({{name, "a"}})) << name;
}

TEST(GatewayCall, MakesArguments) {
    EXPECT_EQ(HeadersJson({}), "{}");
    EXPECT_EQ(HeadersJson({{"a", "b\"\\\n"}, {"content-length", "1"}, {"c", "\xff\xC3\xA9"}}),
              R"({"a":"b\"\\\u000a","c":")"
              "\xEF\xBF\xBD\xC3\xA9"
              R"("})");
    const Client client{*http::ParseIpAddress("192.0.2.1"), true};
    EXPECT_EQ(ClientJson(client, "r1", {}), R"({"address":"192.0.2.1","tls":true,"request":"r1"})");
    EXPECT_EQ(ClientJson(client, "r1", {"https://a", "https://b"}),
              R"({"address":"192.0.2.1","tls":true,"request":"r1","cors":["https://a","https://b"]})");
    EXPECT_EQ(ClientJson(client, "r1", {}, {{17, 12}, {18, 1}}),
              R"({"address":"192.0.2.1","tls":true,"request":"r1","exhausted":{"17":12,"18":1}})");
    EXPECT_TRUE(json::accept(HeadersJson({{std::string("\0\x01\x7f", 3), std::string("\0", 1)}})));
}

TEST(GatewayCall, ReadsAnswers) {
    const auto answer = ReadAnswer(
        201, R"({"content-type": "a/b", "set-cookie": ["a=1", "b=2"], "x": null, "n": 5})", "body",
        R"({"key": {"id": 7, "name": "shop", "rate": 100}, "refused": true, "route": "/a/{b}", "next": "t", "stream": true})");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->headers,
              (Headers{{"content-type", "a/b"}, {"n", "5"}, {"set-cookie", "a=1"}, {"set-cookie", "b=2"}}));
    EXPECT_EQ(answer->body, "body");
    EXPECT_EQ(answer->key, (KnownKey{7, "shop", 100}));
    EXPECT_TRUE(answer->refused);
    EXPECT_EQ(answer->route, "/a/{b}");
    EXPECT_EQ(answer->next, "t");
    EXPECT_TRUE(answer->live);
    const auto bare = ReadAnswer(200, "", "", "");
    ASSERT_TRUE(bare);
    EXPECT_FALSE(bare->key || bare->next || bare->live || bare->refused);
    EXPECT_FALSE(ReadAnswer(0, "", "", ""));
    EXPECT_FALSE(ReadAnswer(100, "", "", ""));
    EXPECT_FALSE(ReadAnswer(200, "[]", "", ""));
    EXPECT_TRUE(ReadAnswer(200, "null", "", R"({"key": {"id": "x"}, "route": 5, "next": 5})"));
}

TEST(GatewayLog, HasOneLineARequest) {
    const system_clock::time_point then = system_clock::time_point(seconds(1)) + std::chrono::milliseconds(5);
    EXPECT_EQ(
        RequestLine({.time = then,
                     .request = "r1",
                     .address = "192.0.2.1",
                     .method = "GET",
                     .route = "/a",
                     .status = 200,
                     .seconds = 0.0015,
                     .received = 10,
                     .sent = 20,
                     .key = "sh\"op\n",
                     .error = "",
                     .sqlstate = ""}),
        "{\"time\":\"1970-01-01T00:00:01.005Z\",\"request\":\"r1\",\"address\":\"192.0.2.1\",\"method\":\"GET\",\"route\":\"/a\","
        "\"status\":200,\"ms\":1.500,\"received\":10,\"sent\":20,\"key\":\"sh\\\"op\\u000a\"}\n");
    EXPECT_EQ(
        MessageLine(then, "info", "a\nb", {{"port", "80"}}),
        "{\"time\":\"1970-01-01T00:00:01.005Z\",\"level\":\"info\",\"message\":\"a\\u000ab\",\"port\":\"80\"}\n");
}

TEST(GatewayMetrics, CountsRequestsAndTimes) {
    Metrics metrics;
    metrics.CountRequest("/a/{b}", "GET", 200, Lane::kDecide, 0.0004);
    metrics.CountRequest("/a/{b}", "GET", 200, Lane::kDecide, 0.002);
    metrics.CountRequest("none", "BR\"EW", 404, Lane::kOther, 100);
    const std::string text = metrics.Text(3, {LaneState{4, 1, 2}, {}, {}}, false);
    for (const char* line : {
             "# TYPE pulse_http_requests_total counter",
             R"(pulse_http_requests_total{route="/a/{b}",method="GET",status="200"} 2)",
             R"(pulse_http_requests_total{route="none",method="other",status="404"} 1)",
             R"(pulse_http_request_seconds_bucket{lane="decide",le="0.0005"} 1)",
             R"(pulse_http_request_seconds_bucket{lane="decide",le="0.0025"} 2)",
             R"(pulse_http_request_seconds_bucket{lane="decide",le="+Inf"} 2)",
             R"(pulse_http_request_seconds_sum{lane="decide"} 0.0024)",
             R"(pulse_http_request_seconds_bucket{lane="other",le="10"} 0)",
             R"(pulse_http_request_seconds_count{lane="other"} 1)",
             "pulse_http_connections 3",
             R"(pulse_http_database_connections{lane="decide",state="busy"} 1)",
             R"(pulse_http_database_connections{lane="decide",state="idle"} 3)",
             R"(pulse_http_queue{lane="decide"} 2)",
         })
        EXPECT_NE(text.find(std::string(line) + "\n"), std::string::npos) << line << "\n" << text;
    EXPECT_NE(metrics.Text(0, {}, true).find("# TYPE pulse_http_requests counter\n"), std::string::npos);
}

TEST(GatewayMetrics, StandBehindThoseOfTheLibrary) {
    std::string plain = "up 1", open = "up 1\n# EOF\n";
    AddMetrics(plain, "b 2\n");
    AddMetrics(open, "b 2\n");
    EXPECT_EQ(plain, "up 1\nb 2\n");
    EXPECT_EQ(open, "up 1\nb 2\n# EOF\n");
}

}  // namespace

}  // namespace pulse::web::gateway
