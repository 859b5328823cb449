// Mail addresses, and MIME messages for SMTP. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

struct MailAddress {
    std::string name;   // may be empty; any UTF-8
    std::string email;  // ASCII: local@domain
};

// Reads "Pulse <alerts@example.com>, ops@example.com". Empty if an address is invalid, or if there is none.
std::optional<std::vector<MailAddress>> ParseAddresses(std::string_view text);

// For APIs: Pulse <alerts@example.com>, with the name quoted if necessary.
std::string Print(const MailAddress& address);

struct Attachment {
    std::string name;  // of the file: any UTF-8
    std::string type;  // text/html; charset=utf-8
    std::string content;
};

struct Mail {
    MailAddress from;
    std::vector<MailAddress> to;
    std::optional<MailAddress> reply_to;
    std::string subject, text, html;  // UTF-8
    std::vector<std::pair<std::string, std::string>>
        headers;  // additional headers in ASCII: Message-ID, References, …
    Moment date = 0;
    std::string boundary;  // letters and digits
    std::vector<Attachment> attachments;
};

// A parameter of a header, by RFC 2231 if it is not short ASCII: ;<CRLF> filename="report.html".
std::string MimeParameter(const std::string& name, std::string_view value);

// The message with CRLF lines of at most 76 characters (a References line may be longer). No content can
// begin another header.
std::string MakeMime(const Mail& letter);

// The value of an unstructured header in ASCII, encoded by RFC 2047 if necessary.
std::string EncodeHeader(std::string_view text);

}  // namespace pulse::delivery
