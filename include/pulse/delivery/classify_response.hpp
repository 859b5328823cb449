// Classifies the responses of each kind of channel. Pure C++.
#pragma once

#include "pulse/delivery/channel.hpp"
#include "pulse/http/request.hpp"
#include "pulse/http/retry.hpp"

namespace pulse::delivery {

http::Classification ClassifyResponse(ChannelKind kind, const http::Response& response);

}  // namespace pulse::delivery
