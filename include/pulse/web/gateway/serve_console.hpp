// The console's files: those in the program, or, for development, those of a directory.
#pragma once

#include <optional>
#include <string>

#include "pulse/web/gateway/console_file.hpp"

namespace pulse::web::gateway {

// The answer of the gateway itself to a request; empty if the database answers it. `directory` is empty for
// the files in the program.
std::optional<Answer> AnswerConsole(const Request& request, bool enabled, const std::string& directory);

}  // namespace pulse::web::gateway
