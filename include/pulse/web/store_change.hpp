// What changed after a position. For entry code.
#pragma once

#include <optional>
#include <string>

namespace pulse::web {

struct Changes {
    std::string position;
    bool reset = false;
    std::string changes = "[]";  // JSON
};

// Throws UserError 22023 if `after` is not a position.
Changes ReadChanges(const std::optional<std::string>& after);

}  // namespace pulse::web
