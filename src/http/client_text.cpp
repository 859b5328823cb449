#include "client_text.hpp"

#include <algorithm>
#include <cstring>

#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::http::client {

namespace {

// Hiding a shorter secret would hide parts of ordinary words, and so reveal it.
constexpr size_t kShortestSecret = 4;
constexpr const char* kHidden = "***";
constexpr const char* kReplacement = "\xEF\xBF\xBD";

bool IsToken(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return IsLetter(c) || IsDigit(c) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
    });
}

bool HasControl(const std::string& text, bool tab_too) {
    return std::any_of(text.begin(), text.end(), [&](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && (c != '\t' || tab_too)) || c == 0x7f;
    });
}

bool IsMailAddress(const std::string& text) {
    return text.find('@') != std::string::npos && text.size() <= 320 && !HasControl(text, true) &&
           text.find_first_of(" <>") == std::string::npos;
}

std::string UrlEncoded(const std::string& text, const char* digits) {
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (IsLetter(c) || IsDigit(c) || (c != '\0' && std::strchr("-._~", c))) {
            encoded += c;
        } else {
            encoded += '%';
            encoded += digits[byte >> 4];
            encoded += digits[byte & 15];
        }
    }
    return encoded;
}

// As a JSON string shows it, with or without \/.
std::string JsonEncoded(const std::string& text, bool slashes) {
    std::string encoded;
    for (const char c : text) {
        if (c == '"' || c == '\\' || (slashes && c == '/')) encoded += '\\';
        encoded += c;
    }
    return encoded;
}

void Hide(std::string& text, const std::string& secret, bool cut) {
    if (secret.size() < kShortestSecret) return;
    for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
        text.replace(at, secret.size(), kHidden);
    if (!cut) return;
    for (size_t length = std::min(secret.size() - 1, text.size()); length >= kShortestSecret; --length) {
        if (text.compare(text.size() - length, length, secret, 0, length) != 0) continue;
        text.replace(text.size() - length, length, kHidden);
        return;
    }
}

std::string MalformedMail(const Mail& mail) {
    if (!mail.from.empty() && !IsMailAddress(mail.from)) return "the sender is not a mail address";
    if (mail.to.empty()) return "the mail has no recipient";
    for (const std::string& to : mail.to)
        if (!IsMailAddress(to)) return "a recipient is not a mail address";
    if (HasControl(mail.user, true) || HasControl(mail.password, true))
        return "the SMTP user or password contains a control character";
    return "";
}

}  // namespace

std::string Malformed(const Request& request) {
    if (!IsToken(request.method)) return "the HTTP method is malformed";
    if (request.url.find('\0') != std::string::npos) return "the URL is malformed";
    for (const auto& [name, value] : request.headers) {
        if (!IsToken(name)) return "the name of a header is malformed";
        if (HasControl(value, false)) return "the header " + name + " contains a control character";
    }
    return request.mail ? MalformedMail(*request.mail) : "";
}

std::string Scrub(std::string text, const std::vector<std::string>& secrets, bool cut) {
    for (const std::string& secret : secrets) {
        Hide(text, secret, cut);
        for (const std::string& form :
             {UrlEncoded(secret, "0123456789ABCDEF"), UrlEncoded(secret, "0123456789abcdef"),
              JsonEncoded(secret, false), JsonEncoded(secret, true)})
            if (form != secret) Hide(text, form, cut);
    }
    return text;
}

std::string CleanUtf8(const std::string& text) {
    std::string clean;
    clean.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const size_t length = text[at] == '\0' ? 0 : Utf8Length(text, at);
        if (length == 0)
            clean += kReplacement;
        else
            clean.append(text, at, length);
        at += std::max<size_t>(length, 1);
    }
    return clean;
}

std::string OneLine(const std::string& text) {
    std::string line;
    for (const char c : text) {
        const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
        if (!blank)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

}  // namespace pulse::http::client
