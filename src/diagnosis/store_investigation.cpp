#include "pulse/diagnosis/store_investigation.hpp"

namespace pulse::diagnosis {

std::optional<int64_t> QueueInvestigation(int64_t, const std::string&) {
    return std::nullopt;
}

}  // namespace pulse::diagnosis
