// How many requests an address and a key may send in a minute. Pure C++.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pulse/http/address.hpp"

namespace pulse::web::gateway {

using Clock = std::chrono::steady_clock;

// A token bucket: it holds what is allowed in a minute, and fills evenly.
class Bucket {
  public:
    // Take one of `rate` requests a minute. Returns 0, or the whole seconds until there is one.
    int64_t Take(int64_t rate, Clock::time_point now);
    // The same without taking it.
    int64_t Wait(int64_t rate, Clock::time_point now);

  private:
    void Fill(int64_t rate, Clock::time_point now);

    double tokens_ = -1;  // below 0: not used yet
    Clock::time_point filled_at_;
};

// A map of at most `most` values: those used last.
template <typename Value, typename Key = std::string>
class RecentMap {
  public:
    explicit RecentMap(size_t most) : most_(most) {}

    Value* Find(const Key& key) {
        const auto found = places_.find(key);
        if (found == places_.end()) return nullptr;
        values_.splice(values_.begin(), values_, found->second);
        return &values_.front().second;
    }
    Value& Insert(const Key& key) {
        if (Value* value = Find(key)) return *value;
        values_.emplace_front(key, Value{});
        places_.emplace(key, values_.begin());
        if (values_.size() > most_) {
            places_.erase(values_.back().first);
            values_.pop_back();
        }
        return values_.front().second;
    }
    size_t size() const { return values_.size(); }

  private:
    size_t most_;
    std::list<std::pair<Key, Value>> values_;  // the last used first
    std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator> places_;
};

class AddressLimiter {
  public:
    // Count a request. Returns 0, or after how many seconds the address may send again; `rate` 0 limits
    // nothing. IPv6 addresses count by their network of 64 bits.
    int64_t Take(const http::IpAddress& address, int64_t rate, Clock::time_point now);

  private:
    RecentMap<Bucket> buckets_{100'000};
};

// What an answer told about its key.
struct KnownKey {
    int64_t id = 0;
    std::string name;
    std::optional<int64_t> rate;

    bool operator==(const KnownKey&) const = default;
};

// Rates of keys, which answers tell. All texts of a key share its budget. One in the head of a request is
// known by its digest, before the database hears of it; one in a body only by the answer.
class KeyLimiter {
  public:
    // Count a request with a key in its head. Returns 0, or after how many seconds it may send again.
    int64_t Take(const std::string& digest, Clock::time_point now);
    // Remember a key, and count the request that told of it where it is new.
    void Learn(const std::string& digest, const KnownKey& key, Clock::time_point now);
    const KnownKey* Find(const std::string& digest);

    // Count a request that had the key in its body.
    void CountInBody(const KnownKey& key, Clock::time_point now);
    // Ids of keys that have nothing left, and after how many seconds they may send again.
    std::vector<std::pair<int64_t, int64_t>> Exhausted(Clock::time_point now);

  private:
    struct Entry {
        KnownKey key;
        Bucket bucket;
    };
    Entry* FindEntry(const std::string& digest);
    Entry& Remember(const KnownKey& key);
    int64_t TakeFrom(Entry& entry, Clock::time_point now);

    RecentMap<int64_t> ids_{100'000};  // by the digest of a text
    RecentMap<Entry, int64_t> keys_{100'000};
    std::set<int64_t> exhausted_;
};

}  // namespace pulse::web::gateway
