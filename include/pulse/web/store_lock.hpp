// Waiting for other transactions that change a key or an event source.
#pragma once

#include <string>

#include "pulse/pg/background.hpp"
#include "pulse/pg/session_settings.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::web {

// Run `work`, which may have to wait for another transaction that changes what `noun` and `name` name; throws
// UserError 55P03 after pulse.lock_timeout.
template <typename Work>
auto WithLock(const char* noun, const std::string& name, Work work) {
    pg::SetLocally("lock_timeout", std::to_string(pg::settings::lock_timeout).c_str());
    try {
        return work();
    } catch (const pg::Error& error) {
        if (error.State() != sqlstate::kLockNotAvailable) throw;
        throw UserError(sqlstate::kLockNotAvailable,
                        std::string(noun) + " \"" + name + "\" cannot be changed now",
                        "A transaction that changes it has been open for longer than pulse.lock_timeout.",
                        "Try again, or end that transaction; pg_stat_activity shows it.");
    }
}

}  // namespace pulse::web
