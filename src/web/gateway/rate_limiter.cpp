#include "pulse/web/gateway/rate_limiter.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::web::gateway {

namespace {

// Each request without a key in its head is told of them.
constexpr size_t kMostExhausted = 1000;
// Sums of seconds are not exact: a wait of 1 s must not become 2 s.
constexpr double kRounding = 1e-6;

}  // namespace

void Bucket::Fill(int64_t rate, Clock::time_point now) {
    const auto most = static_cast<double>(rate);
    if (tokens_ < 0) {
        tokens_ = most;
    } else {
        const double passed = std::chrono::duration<double>(now - filled_at_).count();
        tokens_ = std::min(most, tokens_ + std::max(0.0, passed) * most / 60);
    }
    filled_at_ = std::max(filled_at_, now);  // requests that began earlier may be counted later
}

int64_t Bucket::Wait(int64_t rate, Clock::time_point now) {
    Fill(rate, now);
    if (tokens_ >= 1) return 0;
    return std::max<int64_t>(
        1, static_cast<int64_t>(std::ceil((1 - tokens_) * 60 / static_cast<double>(rate) - kRounding)));
}

int64_t Bucket::Take(int64_t rate, Clock::time_point now) {
    const int64_t wait = Wait(rate, now);
    if (wait == 0) tokens_ -= 1;
    return wait;
}

int64_t AddressLimiter::Take(const http::IpAddress& address, int64_t rate, Clock::time_point now) {
    if (rate <= 0) return 0;
    const auto length = address.is_v4() ? address.bytes.size() : address.bytes.size() / 2;
    return buckets_
        .Insert(std::string(address.bytes.begin(), address.bytes.begin() + static_cast<long>(length)))
        .Take(rate, now);
}

KeyLimiter::Entry* KeyLimiter::FindEntry(const std::string& digest) {
    const int64_t* id = ids_.Find(digest);
    return id ? keys_.Find(*id) : nullptr;
}

KeyLimiter::Entry& KeyLimiter::Remember(const KnownKey& key) {
    Entry& entry = keys_.Insert(key.id);
    if (entry.key.rate != key.rate) entry.bucket = {};
    entry.key = key;
    return entry;
}

int64_t KeyLimiter::TakeFrom(Entry& entry, Clock::time_point now) {
    if (!entry.key.rate) return 0;
    const int64_t wait = entry.bucket.Take(*entry.key.rate, now);
    if (exhausted_.size() < kMostExhausted && entry.bucket.Wait(*entry.key.rate, now) > 0)
        exhausted_.insert(entry.key.id);
    return wait;
}

int64_t KeyLimiter::Take(const std::string& digest, Clock::time_point now) {
    Entry* entry = FindEntry(digest);
    return entry ? TakeFrom(*entry, now) : 0;
}

void KeyLimiter::Learn(const std::string& digest, const KnownKey& key, Clock::time_point now) {
    const bool counted = FindEntry(digest) != nullptr;
    ids_.Insert(digest) = key.id;
    Entry& entry = Remember(key);
    if (!counted) TakeFrom(entry, now);
}

const KnownKey* KeyLimiter::Find(const std::string& digest) {
    const Entry* entry = FindEntry(digest);
    return entry ? &entry->key : nullptr;
}

void KeyLimiter::CountInBody(const KnownKey& key, Clock::time_point now) {
    TakeFrom(Remember(key), now);
}

std::vector<std::pair<int64_t, int64_t>> KeyLimiter::Exhausted(Clock::time_point now) {
    std::vector<std::pair<int64_t, int64_t>> list;
    for (auto id = exhausted_.begin(); id != exhausted_.end();) {
        Entry* entry = keys_.Find(*id);
        const int64_t wait = entry && entry->key.rate ? entry->bucket.Wait(*entry->key.rate, now) : 0;
        if (wait > 0) list.emplace_back(*id, wait);
        id = wait > 0 ? std::next(id) : exhausted_.erase(id);
    }
    return list;
}

}  // namespace pulse::web::gateway
