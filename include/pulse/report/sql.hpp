// The statements behind a report, for people to copy. Pure C++.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pulse/report/figures.hpp"

namespace pulse::report {

// What a statement answers, and the statement.
std::vector<std::pair<std::string, std::string>> HowItWasMade(const Figures& figures);

// The call that makes this report again.
std::string CallText(const Figures& figures);

}  // namespace pulse::report
