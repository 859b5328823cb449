// The process that gives membership changes their positions for a consumer: it commits at once, while the
// consumer's own transaction stays open for as long as it likes.
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/trait/store_consumer.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace {

namespace pg = pulse::pg;
namespace trait = pulse::trait;

void Assign() {
    pg::Transaction transaction("pulse: ordering membership changes");
    try {
        const pg::OwnerSession session;
        const trait::ForceIndexPlans force_index_plans;
        trait::AssignPositions(trait::kMaxChanges, true);
    } catch (const pg::Error& error) {
        // Somebody else is doing it; the consumer goes on with what has a position.
        if (error.State() != pulse::sqlstate::kLockNotAvailable) throw;
        return;
    }
    transaction.Commit();
}

}  // namespace

PULSE_PROCESS(pulse_positions_main) {
    pg::BecomeHelper(static_cast<Oid>(std::stoul(pg::MyExtra())));
    {
        const pg::PlainTransactions plain;
        Assign();
    }
    pg::EndProcess(0);
}
