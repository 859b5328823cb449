#include "pulse/profile/store_statistics.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::profile {

void AnalyzeGrownTables(int64_t events) {
    constexpr int64_t kFew = 1000;
    if (events < kFew) return;
    static pg::Statement grown(
        "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace"
        " AND c.relkind = 'r' AND (c.relname IN ('account', 'profile', 'identity', 'profile_state', 'member')"
        " OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid"
        " AND i.inhparent = 'pulse.event'::regclass))"
        " AND pg_relation_size(c.oid) / current_setting('block_size')::int > 16 + 2 * c.relpages"
        " ORDER BY c.oid",
        {});
    const pg::OwnerSession session;
    // Another import that is still open may have the lock, and its statistics then count.
    pg::SetLocally("client_min_messages", "error");
    const pg::Result tables = grown.Execute({});
    for (uint64_t i = 0; i < tables.size(); ++i) {
        pg::CheckInterrupts();
        pg::Execute("ANALYZE (SKIP_LOCKED) " + tables[i].Text(0));
    }
}

}  // namespace pulse::profile
