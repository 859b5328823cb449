// The process that queues an investigation for a session that waits for it inside its own transaction.
#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/diagnosis/store_investigation.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace {

namespace pg = pulse::pg;
namespace diagnosis = pulse::diagnosis;

struct QueueRequest {
    Oid database = InvalidOid, role = InvalidOid;
    int64_t incident = 0;
};

QueueRequest ParseQueueRequest(const std::string& text) {
    size_t end = 0, more = 0;
    QueueRequest request;
    request.database = static_cast<Oid>(std::stoul(text, &end));
    request.role = static_cast<Oid>(std::stoul(text.substr(end), &more));
    request.incident = std::stoll(text.substr(end + more));
    return request;
}

}  // namespace

PULSE_PROCESS(pulse_investigation_main) {
    const QueueRequest request = ParseQueueRequest(pg::MyExtra());
    pg::BecomeHelper(request.database);
    {
        const pg::PlainTransactions plain;
        pg::Transaction transaction("pulse: queueing an investigation");
        {
            const std::string role = pg::Call([&] { return GetUserNameFromId(request.role, false); });
            const pg::OwnerSession session;
            diagnosis::RequireIncident(request.incident);
            diagnosis::QueueInvestigation(request.incident, role);
        }
        transaction.Commit();
    }
    pg::EndProcess(0);
}
