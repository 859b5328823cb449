// Requests to the outside world and their answers: HTTP, and mail by SMTP. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pulse::http {

// The envelope of a mail, whose text is the request's body.
struct Mail {
    std::string from;
    std::vector<std::string> to;
    std::string user, password;  // empty: no login
    bool require_tls = true;     // STARTTLS or fail; smtps:// is TLS from the beginning
};

struct Request {
    std::string method = "POST";
    std::string url;  // http:// or https://; smtp:// or smtps:// with a mail
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::optional<Mail> mail;
    int connect_timeout = 10'000;      // ms
    int timeout = 30'000;              // ms, of the whole
    size_t max_answer = 64 * 1024;     // bytes kept; reading stops there
    std::string ca_file;               // authorities to trust instead of the system's
    std::vector<std::string> secrets;  // in no error and in no answer that is kept
};

struct Response {
    int status = 0;  // of HTTP or SMTP; 0: none came
    std::string content_type, body;
    std::optional<int64_t> retry_after;  // seconds
    std::string error;                   // why none came, or why it broke off; without secrets
    bool forbidden = false;              // our own rules refused: trying again is no use until they change
    bool sent = false;                   // a request went out, or at least a part of it
    double milliseconds = 0;

    bool ok() const { return error.empty() && status >= 200 && status < 300; }
};

}  // namespace pulse::http
