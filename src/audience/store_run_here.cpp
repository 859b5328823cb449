// Syncs of files, which need no network, in the caller's transaction.
#include "pulse/audience/store_sync.hpp"
#include "pulse/audience/store_worker.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::audience {

namespace {

bool IsOfFile(int64_t run) {
    const pg::Result rows = pg::Execute(
        "SELECT coalesce('platform=file' = ANY (s.srvoptions), false) FROM pulse.sync_run AS r"
        " JOIN pulse.audience AS a ON a.id = r.audience_id JOIN pg_foreign_server AS s"
        " ON s.srvname = a.destination WHERE r.id = $1",
        {pg::Value::Int8(run)});
    return !rows.empty() && rows[0].Bool(0);
}

// True when it has ended, rather than waits.
bool RunOneHere(int64_t run) {
    ClaimPlace place;
    for (;;) {
        pg::CheckInterrupts();
        const Work work = AdvanceRun(run, place);
        switch (work.kind) {
            case Work::Kind::kNothing: break;
            case Work::Kind::kAgain: continue;
            case Work::Kind::kUpload:
                RecordClaim(work.run, *work.audience, work.claimed, {},
                            static_cast<int64_t>(work.claimed.ids.size()));
                continue;
            default: FinishRun(work.run, *work.audience, *work.destination, std::nullopt); return true;
        }
        return pg::Execute("SELECT FROM pulse.sync_run WHERE id = $1 AND finished_at IS NOT NULL",
                           {pg::Value::Int8(run)})
                   .size() > 0;
    }
}

}  // namespace

int64_t RunSyncsHere() {
    QueueDueRuns();
    int64_t ended = 0;
    // An erasure lets the sync behind it go on.
    for (int round = 0; round < 2; ++round)
        for (const int64_t run : DueRuns())
            if (IsOfFile(run) && RunOneHere(run)) ++ended;
    return ended;
}

}  // namespace pulse::audience
