// How a run of a job ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pulse {

struct RunResult {
    std::string status = "ok";  // ok, failed, timed out, cancelled, crashed
    std::optional<int64_t> rows;
    std::optional<std::string> message, error_state, error;
};

}  // namespace pulse
