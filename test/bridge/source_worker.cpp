// A background worker that visits a source as workers do: no transaction is open while it reads.
#include <fstream>
#include <set>

#include "background.hpp"

#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/source/store.hpp"

extern "C" {
#include "tcop/tcopprot.h"

PGDLLEXPORT void bridge_worker_main(Datum database);
}

namespace pg = pulse::pg;
namespace source = pulse::source;

namespace {

constexpr int kWarmUp = 200;

int64_t ResidentPages() {
    int64_t size = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident;
}

void ReadOnce(const std::string& name, std::set<std::string>& pids) {
    source::Target target;
    source::Usage usage;
    usage.purpose = "test";
    {
        pg::Transaction transaction("finding");
        target = source::ResolveTarget({name, pg::CallerName(), ""}, 0);
        transaction.Commit();
    }
    source::ReadTarget(target, usage, [&](source::Reader& reader) {
        if (pg::InTransaction()) throw std::logic_error("a transaction is open while a source is read");
        pids.insert(reader.Query("SELECT pg_backend_pid()").values.at(0).at(0).value_or(""));
    });
    pg::Transaction transaction("recording");
    source::RecordUsage(usage);
    transaction.Commit();
}

void Work(const std::string& name, int visits) {
    std::set<std::string> pids;
    int64_t before = 0;
    for (int i = 0; i < visits; ++i) {
        if (i == kWarmUp) before = ResidentPages();
        ReadOnce(name, pids);
    }
    const int64_t growth = ResidentPages() - before;
    source::CloseIdle();
    {
        pg::Transaction transaction("reporting");
        {
            const pg::Session session;
            pg::Execute("INSERT INTO bridge.worker_report VALUES ($1, $2, $3)",
                        {pg::Value::Int8(visits), pg::Value::Int8(static_cast<int64_t>(pids.size())),
                         pg::Value::Int8(growth)});
        }
        transaction.Commit();
    }
    for (;;) pg::Wait(-1);
}

}  // namespace

void bridge_worker_main(Datum database) {
    // Not the default handler, which would end the process at once.
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
    try {
        const std::string order = MyBgworkerEntry->bgw_extra;
        const size_t blank = order.find(' ');
        Work(order.substr(blank + 1), std::stoi(order.substr(0, blank)));
    } catch (const std::exception& error) {
        elog(LOG, "bridge worker failed: %s", error.what());
    }
}

PULSE_FUNCTION(bridge_start_worker) {
    const pg::Args args(fcinfo);
    const std::string order = std::to_string(args.Int4(1).value_or(0)) + " " + args.RequireText(0, "source");
    BackgroundWorker worker = pulse::bridge::MakeWorker("bridge_worker_main", "bridge worker");
    strlcpy(worker.bgw_extra, order.c_str(), BGW_EXTRALEN);
    const bool started = pg::Call([&] { return RegisterDynamicBackgroundWorker(&worker, nullptr); });
    return BoolGetDatum(started);
}
