// Random numbers for secrets, from PostgreSQL's own source of them.
#pragma once

#include <cstddef>
#include <string>

namespace pulse::pg {

// Throws UserError if there are none.
std::string RandomBytes(size_t count);

}  // namespace pulse::pg
