#include "pulse/delivery/feed.hpp"

#include <algorithm>
#include <array>

namespace pulse::delivery {

namespace {

// Constant initialisation: they exist before anything registers.
constinit std::array<Feed, 4> feeds{};
constinit size_t feed_count = 0;

}  // namespace

bool Feed::OffersAnyOf(const std::vector<std::string>& events) const {
    return std::any_of(events.begin(), events.end(), offers);
}

bool RegisterFeed(const Feed& feed) {
    feeds.at(feed_count) = feed;
    ++feed_count;
    return true;
}

std::span<const Feed> Feeds() {
    return {feeds.data(), feed_count};
}

}  // namespace pulse::delivery
