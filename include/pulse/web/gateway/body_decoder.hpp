// Bodies that are compressed. Pure C++.
#pragma once

#include <string>
#include <string_view>

#include "pulse/web/gateway/head_check.hpp"

namespace pulse::web::gateway {

// How many times larger an inflated body may be, once it is larger than kFreeInflated.
inline constexpr size_t kMaxRatio = 200;
inline constexpr size_t kFreeInflated = 1 << 20;

// Inflate a body in place as Content-Encoding says: gzip, deflate, identity or nothing. gzip is also
// recognised by its first bytes, since some clients do not name it. Refuses unknown encodings (415), broken
// data (400) and more than `limit` bytes (413).
Refusal DecodeBody(std::string& body, std::string_view encoding, size_t limit);

}  // namespace pulse::web::gateway
