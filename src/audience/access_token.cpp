#include "pulse/audience/access_token.hpp"

#include <algorithm>

#include "pulse/audience/request.hpp"

namespace pulse::audience {

namespace {

constexpr int64_t kTokenMargin = kMinute;
constexpr int64_t kUnsaidLifetime = 10 * kMinute;

}  // namespace

bool AccessTokens::MustRenew(const Destination& destination, Moment now) const {
    if (!RenewsTokens(destination.platform) || destination.Secret("refresh_token").empty()) return false;
    const auto found = tokens_.find(destination.name);
    return found == tokens_.end() || found->second.expires_at <= now;
}

std::string AccessTokens::Of(const Destination& destination) const {
    const auto found = tokens_.find(destination.name);
    return found != tokens_.end() ? found->second.text : destination.Secret("access_token");
}

void AccessTokens::Take(const std::string& destination, const TokenGrant& grant, Moment now) {
    const int64_t life = grant.lifetime > 0 ? grant.lifetime : kUnsaidLifetime;
    tokens_[destination] = {grant.access_token, now + std::max(life - kTokenMargin, life / 2)};
    if (grant.refresh_token) unwritten_[destination] = *grant.refresh_token;
}

void AccessTokens::Drop(const std::string& destination) {
    tokens_.erase(destination);
}

const std::string* AccessTokens::Unwritten(const std::string& destination) const {
    const auto found = unwritten_.find(destination);
    return found == unwritten_.end() ? nullptr : &found->second;
}

void AccessTokens::Written(const std::string& destination) {
    unwritten_.erase(destination);
}

}  // namespace pulse::audience
