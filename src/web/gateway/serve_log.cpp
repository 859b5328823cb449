#include "pulse/web/gateway/serve_log.hpp"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <unistd.h>

namespace pulse::web::gateway {

namespace {

void WriteAll(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // the log is closed: requests go on
        text.remove_prefix(static_cast<size_t>(written));
    }
}

}  // namespace

void Log::SetLevel(std::string_view level) {
    requests_ = level == "requests";
    errors_ = level != "off";
}

void Log::Request(const LogEntry& entry) {
    if (!requests_ && !(errors_ && entry.status >= 500)) return;
    lines_ += RequestLine(entry);
    if (posted_) return;
    posted_ = true;
    boost::asio::post(io_, [this] { Flush(); });
}

void Log::Message(const char* level, std::string_view message,
                  const std::vector<std::pair<std::string, std::string>>& details) {
    WriteAll(STDERR_FILENO, MessageLine(std::chrono::system_clock::now(), level, message, details));
}

void Log::Flush() {
    posted_ = false;
    WriteAll(STDOUT_FILENO, lines_);
    lines_.clear();
}

}  // namespace pulse::web::gateway
