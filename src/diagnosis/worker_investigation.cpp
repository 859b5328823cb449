// The process that queues an investigation for somebody who waits for it in a transaction of their own.
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/store_investigation.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace {

namespace pg = pulse::pg;
namespace diagnosis = pulse::diagnosis;

struct Wish {
    Oid database = InvalidOid, role = InvalidOid;
    int64_t incident = 0;
};

Wish ReadWish(const std::string& text) {
    size_t end = 0, more = 0;
    Wish wish;
    wish.database = static_cast<Oid>(std::stoul(text, &end));
    wish.role = static_cast<Oid>(std::stoul(text.substr(end), &more));
    wish.incident = std::stoll(text.substr(end + more));
    return wish;
}

}  // namespace

PULSE_PROCESS(pulse_investigation_main) {
    const Wish wish = ReadWish(pg::MyExtra());
    pg::BecomeHelper(wish.database);
    {
        const pg::PlainTransactions plain;
        pg::Transaction transaction("pulse: queueing an investigation");
        {
            const std::string role = pg::Call([&] { return GetUserNameFromId(wish.role, false); });
            const pg::OwnerSession session;
            diagnosis::RequireIncident(wish.incident);
            diagnosis::QueueInvestigation(wish.incident, role);
        }
        transaction.Commit();
    }
    pg::EndProcess(0);
}
