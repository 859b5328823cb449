// The client with a small server in this process, waiting by poll().
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <netinet/in.h>
#include <set>
#include <sys/poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "pulse/http/client.hpp"

namespace pulse::http {
namespace {

class PollSockets final : public Sockets {
  public:
    void Watch(int socket, bool reading, bool writing) override {
        if (!reading && !writing)
            watched.erase(socket);
        else
            watched[socket] = static_cast<short>((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
    }
    bool Reserve() override {
        if (open >= most) return false;
        ++open;
        return true;
    }
    void Release() override { --open; }

    std::map<int, short> watched;
    int open = 0, most = 1000;
};

// Answers the requests of each connection with what `script` returns for their text.
class Server {
  public:
    explicit Server(std::function<std::string(const std::string&)> script, std::string greeting = "")
        : script_(std::move(script)), greeting_(std::move(greeting)) {
        listener_ = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        listen(listener_, 100);
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
        thread_ = std::thread([this] { Serve(); });
    }
    ~Server() {
        stop_ = true;
        thread_.join();
        for (const int one : clients_) close(one);
        close(listener_);
    }

    std::string Url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port) + path;
    }

    int port = 0;
    std::atomic<int> connections = 0;

  private:
    void Serve() {
        while (!stop_) {
            std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
            for (const int one : clients_) waiting.push_back({one, POLLIN, 0});
            poll(waiting.data(), waiting.size(), 10);
            if (waiting[0].revents & POLLIN) {
                const int client = accept(listener_, nullptr, nullptr);
                clients_.insert(client);
                ++connections;
                if (!greeting_.empty()) send(client, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
            }
            for (size_t i = 1; i < waiting.size(); ++i)
                if (waiting[i].revents) Response(waiting[i].fd);
        }
    }

    void Response(int client) {
        char bytes[65536];
        const ssize_t count = recv(client, bytes, sizeof bytes, 0);
        if (count <= 0) {
            close(client);
            clients_.erase(client);
            return;
        }
        const std::string answer = script_(std::string(bytes, static_cast<size_t>(count)));
        if (!answer.empty()) send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }

    std::function<std::string(const std::string&)> script_;
    std::string greeting_;
    int listener_ = -1;
    std::set<int> clients_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

std::string Http(const std::string& body, const std::string& more = "") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more + "\r\n" +
           body;
}

ClientLimits Open() {
    ClientLimits limits;
    limits.rules = AddressRules("127.0.0.0/8", true);
    return limits;
}

class HttpClient : public testing::Test {
  protected:
    void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

    // Runs until nothing is in flight. Returns the answers by number; `order` has the numbers in order of
    // arrival.
    std::map<uint64_t, Response> Run(Client& client) {
        std::map<uint64_t, Response> answers;
        while (client.in_flight() > 0) {
            std::vector<pollfd> waiting;
            for (const auto& [socket, events] : sockets.watched) waiting.push_back({socket, events, 0});
            poll(waiting.data(), waiting.size(), static_cast<int>(client.Timeout()));
            for (const pollfd& one : waiting)
                if (one.revents)
                    client.Ready(one.fd, (one.revents & ~POLLOUT) != 0,
                                 (one.revents & (POLLOUT | POLLERR | POLLHUP)) != 0);
            client.Tick();
            for (auto& [number, answer] : client.Take()) {
                EXPECT_TRUE(answers.emplace(number, std::move(answer)).second) << "answered twice";
                order.push_back(number);
            }
        }
        return answers;
    }

    Response Ask(Request request, ClientLimits limits = Open()) {
        Client client(sockets, std::move(limits));
        client.Send(7, std::move(request));
        return Run(client).at(7);
    }

    static Request To(const std::string& url) {
        Request request;
        request.url = url;
        request.timeout = 5000;
        return request;
    }

    PollSockets sockets;
    std::vector<uint64_t> order;
};

TEST_F(HttpClient, SendsAndReceives) {
    std::string seen;
    Server server([&](const std::string& text) {
        seen += text;
        return Http("hello", "Content-Type: text/x\r\nRetry-After: 9\r\n");
    });
    Request request = To(server.Url("/a?b=c"));
    request.body = std::string("a\0b", 3);
    request.headers = {{"X-One", "1"}, {"X-None", ""}};
    const Response answer = Ask(request);
    EXPECT_TRUE(answer.ok()) << answer.error;
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.content_type, "text/x");
    EXPECT_EQ(answer.retry_after, 9);
    EXPECT_TRUE(seen.starts_with("POST /a?b=c HTTP/1.1\r\n")) << seen;
    EXPECT_NE(seen.find("\r\nUser-Agent: Pulse\r\n"), std::string::npos);
    EXPECT_NE(seen.find("\r\nX-One: 1\r\n"), std::string::npos);
    EXPECT_NE(seen.find("\r\nX-None:\r\n"), std::string::npos);
    EXPECT_TRUE(seen.ends_with(request.body));
    for (const char* none : {"Expect", "Content-Type", "Accept-Encoding"})
        EXPECT_EQ(seen.find(none), std::string::npos) << none;
}

TEST_F(HttpClient, KeepsHeadersThatARequestNames) {
    Server server([](const std::string&) {
        return Http("hello",
                    "X-Usage:  {\"token\": \"abcdef\"} \r\nX-Other: 1\r\nx-usage: 2\r\nX-Empty:\r\n");
    });
    Request request = To(server.Url("/"));
    EXPECT_TRUE(Ask(request).headers.empty());
    request.keep = {"x-usage", "x-empty"};
    request.secrets = {"abcdef"};
    const std::vector<std::pair<std::string, std::string>> kept = {
        {"x-usage", R"({"token": "***"})"}, {"x-usage", "2"}, {"x-empty", ""}};
    EXPECT_EQ(Ask(request).headers, kept);
}

TEST_F(HttpClient, ReleasesAllSockets) {
    {
        Server server([](const std::string&) { return Http("x"); });
        Client client(sockets, Open());
        for (uint64_t i = 0; i < 20; ++i) client.Send(i, To(server.Url()));
        EXPECT_EQ(client.in_flight(), 20U);
        EXPECT_EQ(Run(client).size(), 20U);
        EXPECT_EQ(client.Timeout() == 0, false);
    }
    EXPECT_EQ(sockets.open, 0);
    EXPECT_TRUE(sockets.watched.empty());
}

TEST_F(HttpClient, LimitsRequestsPerHostAndReusesConnections) {
    Server server([](const std::string&) { return Http("x"); });
    ClientLimits limits = Open();
    limits.per_host = 3;
    Client client(sockets, limits);
    for (uint64_t i = 0; i < 50; ++i) client.Send(i, To(server.Url()));
    EXPECT_EQ(Run(client).size(), 50U);
    EXPECT_EQ(server.connections, 3);
}

TEST_F(HttpClient, SilentHostDoesNotDelayOthers) {
    Server silent([](const std::string&) { return ""; });
    Server good([](const std::string&) { return Http("x"); });
    ClientLimits limits = Open();
    limits.requests = 6;
    limits.per_host = 4;
    Client client(sockets, limits);
    for (uint64_t i = 0; i < 8; ++i) {
        Request request = To(silent.Url());
        request.timeout = 300;
        client.Send(i, request);
    }
    for (uint64_t i = 100; i < 140; ++i) client.Send(i, To(good.Url()));
    const auto answers = Run(client);
    EXPECT_EQ(answers.size(), 48U);
    for (size_t i = 0; i < 40; ++i) EXPECT_GE(order[i], 100U);
    for (uint64_t i = 0; i < 8; ++i)
        EXPECT_EQ(answers.at(i).error, "no complete answer from 127.0.0.1 within 300 ms");
}

TEST_F(HttpClient, LongAnswersAreCut) {
    Server server([](const std::string&) { return Http(std::string(100'000, 'x')); });
    Request request = To(server.Url());
    request.max_answer = 1000;
    const Response answer = Ask(request);
    EXPECT_TRUE(answer.ok()) << answer.error;
    EXPECT_EQ(answer.body.size(), 1000U);
}

TEST_F(HttpClient, HidesSecrets) {
    Server server([](const std::string&) {
        return Http("key-1/2 key-1%2F2 key-1%2f2 key-1\\/2 T01234567 \xff end key-");
    });
    Request request = To(server.Url("/services/T01234567"));
    request.secrets = {"key-1/2", "", "x"};
    EXPECT_EQ(Ask(request).body, "*** *** *** *** *** \xEF\xBF\xBD end key-");
    request.max_answer = 5;
    EXPECT_EQ(Ask(request).body, "***") << "a secret that was cut";
}

TEST_F(HttpClient, RefusesMalformedRequests) {
    Server server([](const std::string&) { return Http("x"); });
    const auto refuses = [&](Request request, const char* why) {
        const Response answer = Ask(std::move(request));
        EXPECT_TRUE(answer.forbidden) << why;
        EXPECT_FALSE(answer.ok());
        EXPECT_NE(answer.error.find(why), std::string::npos) << answer.error;
    };
    for (const char* value : {"a\r\nB: c", "a\nb", "a\rb", "\x01", "a\x7f"}) {
        Request request = To(server.Url());
        request.headers = {{"X", value}};
        refuses(request, "control character");
    }
    for (const char* name : {"", "a b", "a:b", "a\r\nb"}) {
        Request request = To(server.Url());
        request.headers = {{name, "x"}};
        refuses(request, "header");
    }
    Request method = To(server.Url());
    method.method = "GET /x HTTP/1.1\r\n";
    refuses(method, "method");
    refuses(To("http://u:p@127.0.0.1/"), "user name");
    refuses(To("file:///etc/passwd"), "");
    refuses(To("http://127.0.0.1/a\r\nb"), "malformed");
    refuses(To(""), "malformed");
    refuses(To("smtp://127.0.0.1/"), "needs a mail");
    for (const char* to : {"a@b\r\nDATA", "a", "<a@b>", "a@b c@d", ""}) {
        Request mail = To("smtp://127.0.0.1:" + std::to_string(server.port));
        mail.mail = Mail{"a@b", {to}, "", "", false};
        refuses(mail, "mail address");
    }
    EXPECT_EQ(server.connections, 0);
}

TEST_F(HttpClient, ChecksAddressesOnConnecting) {
    Server server([](const std::string&) { return Http("x"); });
    const std::string port = std::to_string(server.port);
    ClientLimits limits = Open();
    limits.rules = AddressRules("*", true);
    for (const char* host :
         {"127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "[::ffff:127.0.0.1]", "%6cocalhost"}) {
        const Response answer = Ask(To("http://" + std::string(host) + ":" + port + "/"), limits);
        EXPECT_TRUE(answer.forbidden) << host << " " << answer.error;
        EXPECT_EQ(answer.status, 0);
    }
    EXPECT_EQ(server.connections, 0);
    limits.rules = AddressRules("localhost", true);
    EXPECT_TRUE(Ask(To("http://localhost:" + port + "/"), limits).ok());
}

TEST_F(HttpClient, NewRulesApplyToKeptConnections) {
    Server server([](const std::string&) { return Http("x"); });
    Client client(sockets, Open());
    client.Send(1, To(server.Url()));
    EXPECT_TRUE(Run(client).at(1).ok());
    ClientLimits limits = Open();
    limits.rules = AddressRules("10.0.0.0/8", true);
    client.Change(limits);
    client.Send(2, To("http://localhost:" + std::to_string(server.port) + "/"));
    EXPECT_TRUE(Run(client).at(2).forbidden);
    client.Send(3, To(server.Url()));
    EXPECT_TRUE(Run(client).at(3).forbidden);
}

TEST_F(HttpClient, NoDescriptorIsAnError) {
    Server server([](const std::string&) { return Http("x"); });
    sockets.most = 0;
    const Response answer = Ask(To(server.Url()));
    EXPECT_FALSE(answer.forbidden);
    EXPECT_NE(answer.error.find("too many open files"), std::string::npos) << answer.error;
}

TEST_F(HttpClient, DestroyedWithRequestsInFlight) {
    Server silent([](const std::string&) { return ""; });
    {
        Client client(sockets, Open());
        for (uint64_t i = 0; i < 100; ++i) client.Send(i, To(silent.Url()));
        client.Tick();
        EXPECT_TRUE(client.Take().empty());
    }
    EXPECT_EQ(sockets.open, 0);
}

// ---- mail ----

using Replies = std::map<std::string, std::string>;

// An SMTP server that answers a text beginning with one of the keys with its value.
std::function<std::string(const std::string&)> Smtp(Replies answers, std::string& said) {
    // The answer to a mail is sent at its end, in however many pieces it arrives.
    return [answers = std::move(answers), &said,
            last = std::string("250 queued\r\n")](const std::string& text) mutable -> std::string {
        said += text;
        const bool end = text == ".\r\n" || text.ends_with("\r\n.\r\n");
        for (const auto& [begin, answer] : answers) {
            if (!text.starts_with(begin)) continue;
            if (begin != "Subject") return answer;
            last = answer;
        }
        if (end) return last;
        if (text.starts_with("EHLO")) return "250-here\r\n250 AUTH PLAIN\r\n";
        if (text.starts_with("DATA")) return "354 go on\r\n";
        if (text.starts_with("QUIT")) return "";  // never says goodbye
        return text.starts_with("MAIL") || text.starts_with("RCPT") ? "250 fine\r\n" : "";
    };
}

class MailServer {
  public:
    explicit MailServer(Replies answers) : server_(Smtp(std::move(answers), said), "220 here\r\n") {}

    Request To(std::vector<std::string> receivers, const std::string& user = "") const {
        Request request;
        request.url = "smtp://127.0.0.1:" + std::to_string(server_.port);
        request.body = "Subject: x\r\n\r\nbody\r\n.dot\r\n";
        request.timeout = 5000;
        request.mail =
            Mail{"from@example.com", std::move(receivers), user, user.empty() ? "" : "pass-word", false};
        return request;
    }

    std::string said;

  private:
    Server server_;
};

TEST_F(HttpClient, SendsMailWithoutWaitingForQuit) {
    MailServer server(Replies{});
    const Response answer = Ask(server.To({"a@example.com", "b@example.com"}));
    EXPECT_TRUE(answer.ok()) << answer.error;
    EXPECT_EQ(answer.status, 250);
    EXPECT_EQ(answer.body, "250 queued");
    EXPECT_LT(answer.milliseconds, 900) << "libcurl waits a second for the answer to QUIT";
    EXPECT_NE(server.said.find("MAIL FROM:<from@example.com>"), std::string::npos);
    EXPECT_NE(server.said.find("RCPT TO:<b@example.com>"), std::string::npos);
    EXPECT_NE(server.said.find("\r\n..dot\r\n"), std::string::npos);
}

TEST_F(HttpClient, ReturnsSmtpReplies) {
    const std::vector<std::string> one{"a@example.com"};
    const std::pair<const char*, int> cases[] = {{"MAIL", 452}, {"RCPT", 451}, {"RCPT", 550},
                                                 {"DATA", 554}, {"EHLO", 421}, {"Subject", 552}};
    for (const auto& [command, status] : cases) {
        MailServer server(
            Replies{{command, std::to_string(status) + " not this\r\n"}, {"HELO", "421 not this\r\n"}});
        const Response answer = Ask(server.To(one));
        EXPECT_EQ(answer.status, status) << command << " " << answer.error;
        EXPECT_EQ(answer.error, "") << command;
        EXPECT_NE(answer.body.find("not this"), std::string::npos) << command << " " << answer.body;
    }
}

TEST_F(HttpClient, SendsMailDespiteAnInvalidRecipient) {
    MailServer server(Replies{{"RCPT TO:<dead", "550 no such user\r\n"}});
    const Response answer = Ask(server.To({"dead@example.com", "b@example.com"}));
    EXPECT_TRUE(answer.ok()) << answer.error;
    EXPECT_EQ(answer.body, "250 queued; refused for some recipients: 550 no such user");
}

TEST_F(HttpClient, ReportsRefusedLogin) {
    MailServer server(Replies{{"AUTH", "535 no: pass-word\r\n"}});
    const Response answer = Ask(server.To({"a@example.com"}, "me"));
    EXPECT_EQ(answer.status, 535);
    EXPECT_EQ(answer.error, "127.0.0.1 refused the login");
    EXPECT_EQ(answer.body, "535 no: ***");
}

TEST_F(HttpClient, MailNeedsTlsUnlessAllowed) {
    MailServer server(Replies{});
    Request request = server.To({"a@example.com"});
    request.mail->require_tls = true;
    const Response answer = Ask(request);
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.error, "127.0.0.1 does not offer STARTTLS");
    EXPECT_FALSE(answer.forbidden);
    ClientLimits limits;
    limits.rules = AddressRules("127.0.0.1", false);
    EXPECT_TRUE(Ask(server.To({"a@example.com"}), limits).forbidden);
}

}  // namespace
}  // namespace pulse::http
