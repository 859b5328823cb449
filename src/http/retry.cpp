#include "pulse/http/retry.hpp"

#include <algorithm>

namespace pulse::http {

Classification Classification::Delivered() {
    return {Verdict::kDelivered, "", 0, false};
}

Classification Classification::Retry(std::string reason, bool overloaded) {
    return {Verdict::kRetry, std::move(reason), 0, overloaded};
}

Classification Classification::Refused(std::string reason) {
    return {Verdict::kRefused, std::move(reason), 0, false};
}

Classification Classification::Gone(std::string reason) {
    return {Verdict::kGone, std::move(reason), 0, false};
}

std::string Reason(const char* what, int status, const std::string& said) {
    std::string reason = std::string(what) + " (" + std::to_string(status) + ")";
    return said.empty() ? reason : reason + ": " + said;
}

Classification ClassifyStatus(int status, const std::string& said) {
    if (status >= 200 && status < 300) return Classification::Delivered();
    if (status == 429) return Classification::Retry(Reason("too many requests", status, said), true);
    if (status == 408 || status == 425 || status >= 500) {
        const bool permanent = status == 501 || status == 505;
        if (!permanent)
            return Classification::Retry(Reason("the receiver reported a temporary error", status, said),
                                         status == 529);
    }
    if (status >= 300 && status < 400)
        return Classification::Refused(
            Reason("the receiver sent a redirect, which is not followed", status, ""));
    if (status == 401 || status == 403)
        return Classification::Refused(Reason("the receiver did not accept the credentials", status, said));
    if (status == 410) return Classification::Gone(Reason("the receiver no longer exists", status, said));
    if (status == 404) return Classification::Refused(Reason("the receiver was not found", status, said));
    if (status < 200) return Classification::Retry(Reason("no complete answer", status, said));
    return Classification::Refused(Reason("the receiver refused the message", status, said));
}

int64_t RetryDelay(int attempts, int64_t wait, double jitter) {
    constexpr int64_t kFirst = 5 * kSecond, kMost = 6 * kHour;
    int64_t delay = kFirst;
    for (int i = 1; i < attempts && delay < kMost; ++i) delay *= 4;
    delay = std::min(delay, kMost);
    delay = static_cast<int64_t>(static_cast<double>(delay) * (0.75 + 0.25 * std::clamp(jitter, 0.0, 1.0)));
    return std::max(delay, std::clamp<int64_t>(wait, 0, kLongestWait));
}

int64_t RestPause(int overloads) {
    constexpr int64_t kMost = 10 * kMinute;
    int64_t pause = kSecond;
    for (int i = 1; i < overloads && pause < kMost; ++i) pause *= 2;
    return std::min(pause, kMost);
}

int64_t BreakerPause(int failures, double jitter) {
    constexpr int kTolerated = 4;
    constexpr int64_t kFirst = 10 * kSecond, kMost = 10 * kMinute;
    if (failures <= kTolerated) return 0;
    int64_t pause = kFirst;
    for (int i = kTolerated + 1; i < failures && pause < kMost; ++i) pause *= 2;
    pause = std::min(pause, kMost);
    return static_cast<int64_t>(static_cast<double>(pause) * (0.75 + 0.25 * std::clamp(jitter, 0.0, 1.0)));
}

}  // namespace pulse::http
