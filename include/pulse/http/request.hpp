// Outgoing requests and their answers: HTTP, and mail by SMTP. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pulse::http {

// The envelope of a mail; the request's body is its content.
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
    size_t max_answer = 64 * 1024;     // bytes; reading stops there
    std::string ca_file;               // certificate authorities to trust instead of the system's
    std::vector<std::string> secrets;  // replaced in errors and answers
    std::vector<std::string> keep;     // names of headers of the answer to keep, in lower case
    // On a connection of its own: libcurl sends a request again by itself when a used one turns out to be
    // dead, although it may have arrived.
    bool once = false;
};

struct Response {
    int status = 0;  // of HTTP or SMTP; 0: no answer
    std::string content_type, body;
    std::optional<int64_t> retry_after;                        // seconds
    std::vector<std::pair<std::string, std::string>> headers;  // those to keep, names in lower case
    std::string error;       // why there is no answer or only a part of it; without secrets
    bool forbidden = false;  // refused by our own rules: no retry before they change
    bool sent = false;       // at least a part of the request was sent
    double milliseconds = 0;

    bool ok() const { return error.empty() && status >= 200 && status < 300; }
};

}  // namespace pulse::http
