// Background workers of the test library.
#pragma once

#include "pulse/pg/entry.hpp"

extern "C" {
#include "miscadmin.h"
#include "postmaster/bgworker.h"
}

namespace pulse::bridge {

// A worker of this database whose entry point is `function`.
inline BackgroundWorker MakeWorker(const char* function, const char* name) {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
    strlcpy(worker.bgw_library_name, "pulse_bridge_test", sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, function, sizeof worker.bgw_function_name);
    strlcpy(worker.bgw_name, name, sizeof worker.bgw_name);
    strlcpy(worker.bgw_type, name, sizeof worker.bgw_type);
    return worker;
}

// Start it and wait until it has ended.
inline void RunWorker(const char* function, const char* name) {
    pg::Call([&] {
        BackgroundWorker worker = MakeWorker(function, name);
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle* handle = nullptr;
        if (!RegisterDynamicBackgroundWorker(&worker, &handle))
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("no free worker process")));
        WaitForBackgroundWorkerShutdown(handle);
    });
}

}  // namespace pulse::bridge
