#include "pulse/delivery/mime.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "pulse/base/ascii.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/delivery/sign.hpp"

namespace pulse::delivery {

namespace {

constexpr std::string_view kAtomMarks = "!#$%&'*+-/=?^_`{|}~";

bool IsAlnum(char c) {
    return IsLetter(c) || IsDigit(c);
}

std::string_view Trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool Ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// Labels between dots, none of them empty.
bool Dotted(std::string_view text, std::string_view marks) {
    if (text.empty() || text.front() == '.' || text.back() == '.' ||
        text.find("..") != std::string_view::npos)
        return false;
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return c == '.' || IsAlnum(c) || marks.find(c) != std::string_view::npos;
    });
}

bool IsEmail(std::string_view text) {
    const size_t at = text.find('@');
    if (at == std::string_view::npos || at > 64 || text.size() > 254) return false;
    return Dotted(text.substr(0, at), kAtomMarks) && Dotted(text.substr(at + 1), "-");
}

std::string Unquote(std::string_view text) {
    text = Trim(text);
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
    std::string result;
    for (size_t i = 1; i + 1 < text.size(); ++i) {
        if (text[i] == '\\' && i + 2 < text.size()) ++i;
        result += text[i];
    }
    return result;
}

std::optional<MailAddress> ParseMailAddress(std::string_view text) {
    text = Trim(text);
    MailAddress address;
    if (!text.empty() && text.back() == '>') {
        const size_t open = text.rfind('<');
        if (open == std::string_view::npos) return std::nullopt;
        address.name = Unquote(text.substr(0, open));
        text = text.substr(open + 1, text.size() - open - 2);
    }
    const bool harmless = std::none_of(address.name.begin(), address.name.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '<' || c == '>';
    });
    if (!harmless || address.name.size() > 200 || !IsEmail(text)) return std::nullopt;
    address.email = text;
    return address;
}

// One name in a header: a quoted string, or encoded words.
std::string Phrase(const std::string& name) {
    if (!Ascii(name)) return EncodeHeader(name);
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

std::string HeaderAddress(const MailAddress& address) {
    return address.name.empty() ? address.email : Phrase(address.name) + " <" + address.email + ">";
}

std::string HeaderAddresses(const std::vector<MailAddress>& addresses) {
    std::string list;
    for (const MailAddress& address : addresses)
        list += (list.empty() ? "" : ",\r\n ") + HeaderAddress(address);
    return list;
}

// Sun, 01 Mar 2026 06:00:00 +0000
std::string MailDate(Moment moment) {
    static constexpr std::array<const char*, 7> kDays = {"Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"};
    static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string text = FormatMoment(moment);  // 2026-03-01 06:00:00+00
    const size_t year = text.find('-', 1);
    const int month = std::stoi(text.substr(year + 1, 2));
    int64_t day = moment / kDay;  // 2000-01-01 was a Saturday
    if (moment % kDay < 0) --day;
    return std::string(kDays[static_cast<size_t>((day % 7 + 7) % 7)]) + ", " + text.substr(year + 4, 2) +
           " " + kMonths[static_cast<size_t>(std::clamp(month, 1, 12) - 1)] + " " + text.substr(0, year) +
           " " + text.substr(year + 7, 8) + " +0000";
}

std::string Base64Lines(std::string_view text) {
    const std::string code = Base64(text);
    std::string lines;
    for (size_t i = 0; i < code.size(); i += 76) lines += code.substr(i, 76) + "\r\n";
    return lines;
}

// The text for a header: control characters become blanks, so that no line break gets in.
std::string OneLine(std::string_view text) {
    std::string line(text);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    return line;
}

std::string Part(const Mail& letter, const char* type, const std::string& text) {
    return "--" + letter.boundary + "\r\nContent-Type: " + type +
           "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Base64Lines(text);
}

// Text and HTML, of which a reader shows one.
std::string Alternatives(const Mail& letter) {
    return "Content-Type: multipart/alternative; boundary=\"" + letter.boundary + "\"\r\n\r\n" +
           Part(letter, "text/plain", letter.text) + Part(letter, "text/html", letter.html) + "--" +
           letter.boundary + "--\r\n";
}

std::string AttachmentPart(const Attachment& attachment) {
    return "Content-Type: " + OneLine(attachment.type) + MimeParameter("name", attachment.name) +
           "\r\nContent-Disposition: attachment" + MimeParameter("filename", attachment.name) +
           "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Base64Lines(attachment.content);
}

// Characters of RFC 2231 that need no encoding.
bool IsAttributeCharacter(char c) {
    return IsAlnum(c) || c == '-' || c == '.' || c == '_';
}

}  // namespace

std::optional<std::vector<MailAddress>> ParseAddresses(std::string_view text) {
    std::vector<MailAddress> addresses;
    bool quoted = false, ended = false;
    size_t begin = 0;
    for (size_t i = 0; i <= text.size() && !ended; ++i) {
        ended = i == text.size();
        if (!ended && text[i] == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
        if (!ended && (quoted || text[i] != ',')) continue;
        std::optional<MailAddress> address = ParseMailAddress(text.substr(begin, i - begin));
        if (!address) return std::nullopt;
        addresses.push_back(std::move(*address));
        begin = i + 1;
    }
    return addresses;
}

std::string Print(const MailAddress& address) {
    if (address.name.empty()) return address.email;
    const bool plain = std::all_of(address.name.begin(), address.name.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x80 || IsAlnum(c) || c == ' ' || c == '-' || c == '_';
    });
    if (plain) return address.name + " <" + address.email + ">";
    std::string quoted;
    for (const char c : address.name) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return "\"" + quoted + "\" <" + address.email + ">";
}

std::string EncodeHeader(std::string_view text) {
    // Needs no folding: subjects are cut to the maximum length of a line.
    if (Ascii(text) && text.size() <= 900 && text.find("=?") == std::string_view::npos)
        return std::string(text);
    const std::string line = OneLine(text);
    std::string words;
    for (size_t begin = 0; begin < line.size();) {
        // 45 bytes make 60 digits, and a character is never divided.
        const size_t end = CharacterBorder(line, begin + 45);
        words +=
            (words.empty() ? "" : "\r\n ") + ("=?UTF-8?B?" + Base64(line.substr(begin, end - begin)) + "?=");
        begin = end;
    }
    return words;
}

std::string MimeParameter(const std::string& name, std::string_view value) {
    constexpr size_t kMostInLine = 54;
    const bool plain = value.size() <= kMostInLine && std::all_of(value.begin(), value.end(), [](char c) {
                           return IsAttributeCharacter(c) || c == ' ';
                       });
    if (plain) return ";\r\n " + name + "=\"" + std::string(value) + "\"";
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::vector<std::string> lines{"utf-8''"};
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        const std::string code =
            IsAttributeCharacter(c) ? std::string(1, c) : std::string{'%', kHex[byte >> 4], kHex[byte & 15]};
        if (lines.back().size() + code.size() > kMostInLine) lines.emplace_back();
        lines.back() += code;
    }
    if (lines.size() == 1) return ";\r\n " + name + "*=" + lines[0];
    std::string parts;
    for (size_t i = 0; i < lines.size(); ++i)
        parts += ";\r\n " + name + "*" + std::to_string(i) + "*=" + lines[i];
    return parts;
}

std::string MakeMime(const Mail& letter) {
    std::string mime = "Date: " + MailDate(letter.date) + "\r\nFrom: " + HeaderAddress(letter.from) +
                       "\r\nTo: " + HeaderAddresses(letter.to) + "\r\n";
    if (letter.reply_to) mime += "Reply-To: " + HeaderAddress(*letter.reply_to) + "\r\n";
    mime += "Subject: " + EncodeHeader(OneLine(letter.subject)) + "\r\n";
    for (const auto& [name, value] : letter.headers) mime += OneLine(name) + ": " + OneLine(value) + "\r\n";
    mime += "MIME-Version: 1.0\r\n";
    if (letter.attachments.empty()) return mime + Alternatives(letter);
    const std::string mixed = letter.boundary + "mixed";
    mime += "Content-Type: multipart/mixed; boundary=\"" + mixed + "\"\r\n\r\n--" + mixed + "\r\n" +
            Alternatives(letter);
    for (const Attachment& attachment : letter.attachments)
        mime += "--" + mixed + "\r\n" + AttachmentPart(attachment);
    return mime + "--" + mixed + "--\r\n";
}

}  // namespace pulse::delivery
