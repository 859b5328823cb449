#include "pulse/pg/random.hpp"

#include "pulse/pg/postgres.hpp"
#include "pulse/base/error.hpp"

namespace pulse::pg {

std::string RandomBytes(size_t count) {
    std::string bytes(count, '\0');
    if (!pg_strong_random(bytes.data(), count))
        throw UserError(sqlstate::kInternalError, "could not generate random numbers", "",
                        "Try again; the server's log may say why.");
    return bytes;
}

}  // namespace pulse::pg
