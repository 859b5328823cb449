// Mail: addresses, and the message that SMTP carries. Pure C++.
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

// "Pulse <alerts@example.com>, ops@example.com". Nothing when one of them is none, or when there is none.
std::optional<std::vector<MailAddress>> ParseAddresses(std::string_view text);

// As APIs take it: Pulse <alerts@example.com>, the name quoted where it must be.
std::string Print(const MailAddress& address);

struct Mail {
    MailAddress from;
    std::vector<MailAddress> to;
    std::optional<MailAddress> reply_to;
    std::string subject, text, html;  // UTF-8
    std::vector<std::pair<std::string, std::string>>
        headers;  // further ones, ASCII: Message-ID, References, …
    Moment date = 0;
    std::string boundary;  // letters and digits
};

// The message with CRLF lines of at most 76 characters (a References line may be longer): nothing in it can
// begin another header.
std::string MakeMime(const Mail& letter);

// The value of an unstructured header in ASCII, by RFC 2047 where it must be.
std::string EncodeHeader(std::string_view text);

}  // namespace pulse::delivery
