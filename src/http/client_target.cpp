#include "client_target.hpp"

#include <algorithm>
#include <new>

namespace pulse::http::client {

namespace {

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
    std::string result = text;
    curl_free(text);
    return result;
}

// Adds the parts of a URL that look like keys, such as T01/B02/xyz in those of Slack, and the text around
// them, as an answer may repeat them.
void AddKeys(const std::string& text, std::vector<std::string>& secrets) {
    constexpr size_t kShort = 8, kLong = 16;
    const size_t before = secrets.size();
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find_first_of("/&=?", begin), text.size());
        const std::string piece = text.substr(begin, end - begin);
        const bool digit = piece.find_first_of("0123456789") != std::string::npos;
        if (piece.size() >= kLong || (piece.size() >= kShort && digit)) secrets.push_back(piece);
        begin = end + 1;
    }
    if (secrets.size() > before) secrets.insert(secrets.begin() + static_cast<long>(before), text);
}

}  // namespace

Target ReadTarget(const Request& request, std::string& problem) {
    Target target;
    target.url.reset(curl_url());
    if (!target.url) throw std::bad_alloc();
    const CURLUcode code =
        curl_url_set(target.url.get(), CURLUPART_URL, request.url.c_str(), CURLU_DISALLOW_USER);
    if (code != CURLUE_OK) {
        problem = code == CURLUE_USER_NOT_ALLOWED ? "the URL must not contain a user name or password"
                                                  : "the URL is malformed";
        return target;
    }
    target.scheme = Part(target.url.get(), CURLUPART_SCHEME);
    // The host name in ASCII, as it is looked up.
    target.host = Part(target.url.get(), CURLUPART_HOST, CURLU_PUNYCODE);
    target.port = Part(target.url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    const bool is_mail = target.scheme == "smtp" || target.scheme == "smtps";
    if (target.host.empty() ||
        curl_url_set(target.url.get(), CURLUPART_HOST, target.host.c_str(), 0) != CURLUE_OK)
        problem = "the host name in the URL is malformed";
    else if (is_mail != request.mail.has_value())
        problem = is_mail ? "an SMTP URL needs a mail" : "a mail needs an SMTP URL";
    if (!is_mail) {
        AddKeys(Part(target.url.get(), CURLUPART_PATH), target.secrets);
        AddKeys(Part(target.url.get(), CURLUPART_QUERY), target.secrets);
    }
    return target;
}

}  // namespace pulse::http::client
