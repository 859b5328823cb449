// The table of routes, and what is read from a request's head.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "pulse/web/openapi.hpp"
#include "pulse/web/request.hpp"

namespace pulse::web {
namespace {

// The number of the last parameter that a statement uses.
int LastParameter(std::string_view sql) {
    int last = 0;
    for (size_t at = sql.find('$'); at != std::string_view::npos; at = sql.find('$', at + 1))
        last = std::max(last, std::atoi(std::string(sql.substr(at + 1, 2)).c_str()));
    return last;
}

size_t PathParameters(std::string_view path) {
    return static_cast<size_t>(std::count(path.begin(), path.end(), '{'));
}

int StatusOfRefusal(const std::function<void()>& work) {
    try {
        work();
    } catch (const Refusal& refusal) {
        return refusal.status();
    }
    return 0;
}

TEST(WebRoutes, EveryRowFitsItsStatement) {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const Route& route : Routes()) {
        const std::string name = std::string(route.method) + " " + std::string(route.path);
        EXPECT_TRUE(seen.emplace(route.method, route.path).second) << name;
        EXPECT_FALSE(route.summary.empty()) << name;
        EXPECT_FALSE(route.path.ends_with("/")) << name;
        if (route.path.starts_with("/gateway/")) continue;
        const auto in_path = std::count_if(route.parameters.begin(), route.parameters.end(),
                                           [](const Parameter& one) { return one.in == In::kPath; });
        EXPECT_EQ(static_cast<size_t>(in_path), PathParameters(route.path)) << name;
        EXPECT_LE(LastParameter(route.sql), static_cast<int>(route.parameters.size())) << name;
        EXPECT_LE(LastParameter(route.then), 1) << name;
        // What changes something needs a key, but for signing in and out.
        if (route.path == "/console/session") continue;
        EXPECT_TRUE(route.read_only || route.access != Access::kNone) << name;
    }
}

TEST(WebRoutes, AreFoundByMethodAndPath) {
    const auto found = [](std::string_view method, std::string_view path) {
        const auto segments = SplitPath(path);
        return segments ? FindRoute(method, *segments) : RouteMatch();
    };
    EXPECT_EQ(found("GET", "/health").route->path, "/health");
    EXPECT_EQ(found("HEAD", "//health/").route->path, "/health");
    EXPECT_EQ(found("GET", "/api/segments/7").values, std::vector<std::string>{"7"});
    EXPECT_EQ(found("POST", "/ofrep/v1/evaluate/flags/a/b%20c").values, std::vector<std::string>{"a/b c"});
    EXPECT_EQ(found("POST", "/ofrep/v1/evaluate/flags").route->path, "/ofrep/v1/evaluate/flags");
    EXPECT_EQ(found("GET", "/api/v1/cdp/profiles/statistics").route->path, "/api/v1/cdp/profiles/statistics");
    EXPECT_EQ(found("DELETE", "/health").route, nullptr);
    EXPECT_EQ(found("DELETE", "/health").methods, std::vector<std::string_view>{"GET"});
    EXPECT_TRUE(found("GET", "/nothing").methods.empty());
    EXPECT_EQ(found("GET", "/ofrep/x").family, Family::kOfrep);
    EXPECT_EQ(found("GET", "/api/v1/x").family, Family::kStratum);
    EXPECT_EQ(found("GET", "/v1/admin/x").family, Family::kTinyCdp);
}

TEST(WebRoutes, PathsAreDecodedOnce) {
    EXPECT_EQ(SplitPath("/a%2Fb/c%25d"), (std::vector<std::string>{"a/b", "c%d"}));
    EXPECT_EQ(SplitPath("/"), std::vector<std::string>{});
    for (const char* path :
         {"", "a", "/..", "/a/./b", "/%2e%2e/a", "/%", "/%4", "/%zz", "/%00", "/%ff", "/%c0%af"})
        EXPECT_FALSE(SplitPath(path)) << path;
}

TEST(WebRoutes, QueriesAreDecoded) {
    const Pairs pairs = *SplitQuery("a=1&b=x+y%2B&&c&a=2&=z");
    EXPECT_EQ(*FindValue(pairs, "a"), "1");
    EXPECT_EQ(*FindValue(pairs, "b"), "x y+");
    EXPECT_EQ(*FindValue(pairs, "c"), "");
    EXPECT_EQ(FindValue(pairs, "d"), nullptr);
    EXPECT_FALSE(SplitQuery("a=%zz"));
    EXPECT_FALSE(SplitQuery("%00=1"));
}

TEST(WebRequest, FindsTheKey) {
    const auto key = [](const std::map<std::string, std::string, std::less<>>& headers,
                        const Pairs& query = {}) {
        Request request;
        request.headers = headers;
        const auto found = FindPresentedKey(request, query);
        return found ? (found->in_query ? "?" : "") + found->text : std::string();
    };
    EXPECT_EQ(key({{"authorization", "Bearer abc"}}), "abc");
    EXPECT_EQ(key({{"authorization", "bearer  abc "}}), "abc");
    EXPECT_EQ(key({{"authorization", "Basic YWJjOg=="}}), "abc");
    EXPECT_EQ(key({{"authorization", "Basic YWJj"}}), "abc");
    EXPECT_EQ(key({{"authorization", "Basic ???"}}), "");
    EXPECT_EQ(key({{"authorization", "Digest abc"}}), "");
    EXPECT_EQ(key({{"x-api-key", "abc"}}), "abc");
    EXPECT_EQ(key({{"x-write-key", "abc:secret"}}), "abc");
    EXPECT_EQ(key({}, {{"apiKey", "abc"}}), "?abc");
    EXPECT_EQ(key({{"authorization", "Bearer abc"}}, {{"apiKey", "other"}}), "abc");
    EXPECT_EQ(key({}), "");
}

TEST(WebRequest, KindsOfKeys) {
    EXPECT_TRUE(Allows(KeyKind::kPublic, Access::kSend));
    EXPECT_TRUE(Allows(KeyKind::kPublic, Access::kDecide));
    EXPECT_FALSE(Allows(KeyKind::kPublic, Access::kRead));
    EXPECT_FALSE(Allows(KeyKind::kRead, Access::kSend));
    EXPECT_TRUE(Allows(KeyKind::kWrite, Access::kRead));
    EXPECT_FALSE(Allows(KeyKind::kWrite, Access::kAdmin));
    EXPECT_TRUE(Allows(KeyKind::kAdmin, Access::kAdmin));
}

TEST(WebRequest, Origins) {
    const std::vector<std::string> allowed{"https://shop.example", "https://*.example.com"};
    EXPECT_TRUE(MatchesOrigin(allowed, "https://shop.example"));
    EXPECT_TRUE(MatchesOrigin(allowed, "https://SHOP.example"));
    EXPECT_TRUE(MatchesOrigin(allowed, "https://a.b.example.com"));
    EXPECT_FALSE(MatchesOrigin(allowed, "https://example.com"));
    EXPECT_FALSE(MatchesOrigin(allowed, "https://.example.com"));
    EXPECT_FALSE(MatchesOrigin(allowed, "http://shop.example"));
    EXPECT_FALSE(MatchesOrigin(allowed, "https://shop.example.evil.test"));
    EXPECT_FALSE(MatchesOrigin(allowed, "null"));
}

TEST(WebRequest, Tags) {
    const std::string tag = EntityTag("body");
    EXPECT_EQ(tag.size(), 34u);
    EXPECT_NE(tag, EntityTag("bodY"));
    EXPECT_TRUE(MatchesTag(tag, tag));
    EXPECT_TRUE(MatchesTag("W/" + tag, tag));
    EXPECT_TRUE(MatchesTag("\"x\", " + tag, tag));
    EXPECT_TRUE(MatchesTag(tag.substr(1, 32), tag));
    EXPECT_TRUE(MatchesTag("*", tag));
    EXPECT_FALSE(MatchesTag("", tag));
    EXPECT_FALSE(MatchesTag("\"x\"", tag));
}

TEST(WebRequest, ValuesAreChecked) {
    const Parameter limit{.name = "limit", .type = Type::kInteger, .least = 1, .most = 100};
    EXPECT_EQ(CheckValue(limit, "007"), "7");
    for (const char* text : {"", "0", "101", "1.5", "1e2", "+1", " 1", "99999999999999999999"})
        EXPECT_EQ(StatusOfRefusal([&] { CheckValue(limit, text); }), 400) << text;
    const Parameter flag{.name = "on", .type = Type::kBoolean};
    EXPECT_EQ(CheckValue(flag, "TRUE"), "true");
    EXPECT_EQ(CheckValue(flag, "0"), "false");
    EXPECT_EQ(StatusOfRefusal([&] { CheckValue(flag, "maybe"); }), 400);
    const Parameter word{.name = "status", .one_of = "open, resolved"};
    EXPECT_EQ(CheckValue(word, "open"), "open");
    EXPECT_EQ(StatusOfRefusal([&] { CheckValue(word, "ope"); }), 400);
    const Parameter number{.name = "x", .type = Type::kNumber};
    for (const char* text : {"nan", "inf", "1e999", ""})
        EXPECT_EQ(StatusOfRefusal([&] { CheckValue(number, text); }), 400) << text;
    // An id that Pulse never gave is not found; elsewhere it is a mistake.
    EXPECT_EQ(StatusOfRefusal([] { CheckValue({.name = "id", .in = In::kPath, .type = Type::kId}, "x"); }),
              404);
    EXPECT_EQ(StatusOfRefusal([] { CheckValue({.name = "id", .in = In::kBody, .type = Type::kId}, "x"); }),
              400);
}

TEST(WebRequest, EventsGetTheirType) {
    EXPECT_EQ(WithType("{\"a\":1}", "track"), "{\"type\":\"track\",\"a\":1}");
    EXPECT_EQ(WithType(" { }", "page"), " {\"type\":\"page\" }");
    EXPECT_EQ(WithType("x", "page"), "x");
}

TEST(WebAnswer, StatusesOfErrors) {
    const std::map<std::string, int> expected{{"22P02", 400}, {"42601", 400}, {"42501", 403}, {"42704", 404},
                                              {"23505", 409}, {"55000", 409}, {"54000", 413}, {"0A000", 422},
                                              {"40P01", 503}, {"55P03", 503}, {"57014", 503}, {"25006", 503},
                                              {"XX000", 500}, {"P0001", 422}, {"", 500}};
    for (const auto& [state, status] : expected) EXPECT_EQ(StatusOf(state), status) << state;
}

TEST(WebAnswer, ErrorsHaveTheFormOfTheirFamily) {
    const auto body = [](Family family) {
        return nlohmann::json::parse(ErrorAnswer(family, 404, "no", "because", "key").body);
    };
    EXPECT_EQ(body(Family::kPulse), (nlohmann::json{{"error", "no"}, {"detail", "because"}}));
    EXPECT_EQ(body(Family::kTinyCdp),
              (nlohmann::json{{"code", "not_found"}, {"message", "no"}, {"details", "because"}}));
    EXPECT_EQ(body(Family::kOfrep)["errorCode"], "FLAG_NOT_FOUND");
    EXPECT_EQ(body(Family::kOfrep)["key"], "key");
    EXPECT_EQ(body(Family::kStratum)["detail"], "no. because");
    // Bytes that are no text do not break the answer.
    EXPECT_NO_THROW(ErrorAnswer(Family::kPulse, 400, "\xff"));
    // Stratum's clients tell a sync that is under way from other conflicts.
    EXPECT_EQ(CodeOf("55006"), "SYNC_IN_PROGRESS");
    EXPECT_EQ(CodeOf("55000"), "");
    const auto conflict =
        nlohmann::json::parse(ErrorAnswer(Family::kStratum, 409, "no", "", "", CodeOf("55006")).body);
    EXPECT_EQ(conflict.dump(), R"({"code":"SYNC_IN_PROGRESS","detail":"no"})");
    EXPECT_FALSE(nlohmann::json::parse(ErrorAnswer(Family::kPulse, 409, "no", "", "", CodeOf("55006")).body)
                     .contains("code"));
}

TEST(WebOpenApi, DescribesEveryRoute) {
    const nlohmann::json document = nlohmann::json::parse(OpenApi("https://pulse.example", "1.0"));
    EXPECT_EQ(document["openapi"], "3.1.0");
    EXPECT_FALSE(document["paths"].contains("/gateway/hello"));
    size_t operations = 0;
    for (const auto& [path, methods] : document["paths"].items())
        for (const auto& [method, operation] : methods.items()) {
            ++operations;
            EXPECT_TRUE(operation.contains("responses")) << path;
            size_t in_path = 0;
            for (const auto& parameter : operation.value("parameters", nlohmann::json::array()))
                in_path += parameter["in"] == "path" ? 1 : 0;
            EXPECT_EQ(in_path, PathParameters(path)) << method << " " << path;
        }
    EXPECT_EQ(operations, Routes().size() - 2);
    EXPECT_NE(RoutesPage("1.0").find("/v1/decide"), std::string::npos);
    EXPECT_EQ(RoutesPage("1.0").find("<script"), std::string::npos);
}

}  // namespace
}  // namespace pulse::web
