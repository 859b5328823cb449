// Several waiting requests as one call of pulse_http(), and its answer as theirs. Pure C++.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pulse/web/gateway/call.hpp"
#include "pulse/web/gateway/request_reader.hpp"

namespace pulse::web::gateway {

// Of one call, so that it stays short.
inline constexpr size_t kMostFolded = 100, kMostFoldedBytes = 1 << 20;

inline constexpr Lane kFoldLane = Lane::kIngest;

// What requests that are answered together have in common: all that decides their answers but the body.
// `key` is the digest of the API key. Empty: this request is called alone.
std::string FoldGroup(const Request& request, const std::optional<std::string>& key);

// One call for all of a group; at least one.
Call Fold(const std::vector<std::shared_ptr<const Call>>& calls);

// The answer to each of `count` requests, in their order. Empty: it is no answer to them, and none was
// served.
std::vector<CallAnswer> Unfold(const CallAnswer& answer, size_t count);

}  // namespace pulse::web::gateway
