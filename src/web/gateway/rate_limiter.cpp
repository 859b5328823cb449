#include "pulse/web/gateway/rate_limiter.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::web::gateway {

int64_t Bucket::Take(int64_t rate, Clock::time_point now) {
    const auto most = static_cast<double>(rate);
    const double each_second = most / 60;
    if (tokens_ < 0) {
        tokens_ = most;
    } else {
        const double passed = std::chrono::duration<double>(now - filled_at_).count();
        tokens_ = std::min(most, tokens_ + std::max(0.0, passed) * each_second);
    }
    filled_at_ = now;
    if (tokens_ >= 1) {
        tokens_ -= 1;
        return 0;
    }
    return std::max<int64_t>(1, static_cast<int64_t>(std::ceil((1 - tokens_) / each_second)));
}

int64_t AddressLimiter::Take(const http::IpAddress& address, int64_t rate, Clock::time_point now) {
    if (rate <= 0) return 0;
    const auto length = address.is_v4() ? address.bytes.size() : address.bytes.size() / 2;
    return buckets_
        .Insert(std::string(address.bytes.begin(), address.bytes.begin() + static_cast<long>(length)))
        .Take(rate, now);
}

int64_t KeyLimiter::Take(const std::string& digest, Clock::time_point now) {
    Entry* entry = keys_.Find(digest);
    return entry && entry->key.rate ? entry->bucket.Take(*entry->key.rate, now) : 0;
}

void KeyLimiter::Learn(const std::string& digest, const KnownKey& key, Clock::time_point now) {
    Entry& entry = keys_.Insert(digest);
    if (entry.key == key) return;
    if (entry.key.rate != key.rate) {
        entry.bucket = {};
        if (key.rate) entry.bucket.Take(*key.rate, now);
    }
    entry.key = key;
}

const KnownKey* KeyLimiter::Find(const std::string& digest) {
    const Entry* entry = keys_.Find(digest);
    return entry ? &entry->key : nullptr;
}

}  // namespace pulse::web::gateway
