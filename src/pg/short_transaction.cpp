#include "pulse/pg/short_transaction.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::pg {

ShortTransaction RunShortTransaction(const char* what, const std::function<void()>& body) {
    try {
        const PlainTransactions plain;
        Transaction transaction(what);
        const bool there = ExtensionVersion() == PULSE_VERSION;
        if (there) {
            const OwnerSession session;
            body();
        }
        transaction.Commit();
        return there ? ShortTransaction::kDone : ShortTransaction::kExtensionGone;
    } catch (const Error& error) {
        if (!sqlstate::IsLockFailure(error.State())) throw;
    } catch (const UserError& error) {
        if (error.state() != sqlstate::kLockNotAvailable) throw;
    }
    return ShortTransaction::kBusy;
}

}  // namespace pulse::pg
