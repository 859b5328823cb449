// The files of the console: which path is one, and the answers.
#include "pulse/web/gateway/console_file.hpp"
#include "pulse/web/gateway/console_alias.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pulse::web::gateway {
namespace {

std::string HeaderOf(const Answer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (key == name) return value;
    return "";
}

TEST(ConsoleFile, Names) {
    EXPECT_EQ(ConsoleFileName("/console"), ".");
    EXPECT_EQ(ConsoleFileName("/console/"), "index.html");
    EXPECT_EQ(ConsoleFileName("/console/pages/segments.js"), "pages/segments.js");
    EXPECT_EQ(ConsoleFileName("/console//app.js"), "app.js");
    for (const char* path : {"/", "/health", "/consoles", "/console/api/v1/audit", "/console/session",
                             "/console/../x", "/console/%2e%2e/x"})
        EXPECT_EQ(ConsoleFileName(path), "") << path;
    for (const char* name : {"index.html", "pages/a-b_c.js", "a/b/c.js"})
        EXPECT_TRUE(IsFileName(name)) << name;
    for (const char* name : {"", ".", "..", ".git/config", "a/.b", "a//b", "a/", "/a", "a/b/c/d", "a b",
                             "a\\b", "a%b", "a/../b", "é"})
        EXPECT_FALSE(IsFileName(name)) << name;
}

TEST(ConsoleFile, Answers) {
    const ConsoleFile file{"app.js", "plain text", "packed", "0123"};
    Request request;
    Answer answer = FileAnswer(request, file);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "plain text");
    EXPECT_EQ(HeaderOf(answer, "content-type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(HeaderOf(answer, "etag"), "\"0123\"");
    EXPECT_EQ(HeaderOf(answer, "content-security-policy").find("unsafe"), std::string::npos);
    EXPECT_EQ(HeaderOf(answer, "x-content-type-options"), "nosniff");

    request.headers = {{"accept-encoding", "br, gzip;q=0.5"}};
    answer = FileAnswer(request, file);
    EXPECT_EQ(answer.body, "packed");
    EXPECT_EQ(HeaderOf(answer, "content-encoding"), "gzip");
    // A cache that has the other form must not take it for this one.
    EXPECT_EQ(HeaderOf(answer, "etag"), "\"0123-gz\"");
    EXPECT_EQ(HeaderOf(answer, "vary"), "Accept-Encoding");
    request.headers = {{"accept-encoding", "gzip;q=0"}};
    EXPECT_EQ(FileAnswer(request, file).body, "plain text");
    request.headers = {{"accept-encoding", "gzip"}, {"if-none-match", "\"0123-gz\""}};
    answer = FileAnswer(request, file);
    EXPECT_EQ(answer.status, 304);
    EXPECT_EQ(answer.body, "");
    request.headers = {{"if-none-match", "\"0123-gz\""}};
    EXPECT_EQ(FileAnswer(request, file).status, 200);
}

TEST(ConsoleFile, AddressesOfEarlierDashboards) {
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp"), "../console/#/");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/"), "../../console/#/");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/profiles"), "../../console/#/people");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/profiles/"), "../../../console/#/people");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/profiles/a%2Fb%3F"), "../../../console/#/people/a%2Fb%3F");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/identity/42"), "../../../console/#/identity/42");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/audience-sync"), "../../console/#/audiences");
    EXPECT_EQ(ConsoleAlias("/dashboard/cdp/funnels"), "../../console/#/insight?tab=funnels");
    for (const char* path :
         {"/", "/dashboard", "/dashboard/cdpx", "/dashboard/cdp/none", "/dashboard/cdp/events/1",
          "/dashboard/cdp/profiles/1/2", "/dashboard/cdp/../x", "/x/dashboard/cdp"})
        EXPECT_EQ(ConsoleAlias(path), "") << path;
}

TEST(ConsoleFile, TheWayToItIsRelative) {
    Request request;
    EXPECT_EQ(HeaderOf(ToConsoleAnswer(request), "location"), "console/");
    request.query = "a=b";
    EXPECT_EQ(HeaderOf(ToConsoleAnswer(request), "location"), "console/?a=b");
}

}  // namespace
}  // namespace pulse::web::gateway
