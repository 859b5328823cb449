// Where the scheduler state is: in the main shared memory of a server that preloads the library, else in a
// segment that a launcher makes for itself and its workers.
#include "scheduler_shared.hpp"

extern "C" {
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
}

namespace pulse::pg {

namespace {

SchedulerState scheduler;
bool preloaded;
shmem_startup_hook_type previous_startup;
#if PG_VERSION_NUM >= 150000
shmem_request_hook_type previous_request;
#endif

}  // namespace

struct SchedulerMemory {
    static constexpr size_t kSize = sizeof(SchedulerState::Shared);

    static void Use(void* memory, bool made) {
        scheduler.shared_ = static_cast<SchedulerState::Shared*>(memory);
        if (made) scheduler.shared_->Initialize();
    }
    static bool Used() { return scheduler.shared_ != nullptr; }
    static void Request() {
#if PG_VERSION_NUM >= 150000
        if (previous_request) previous_request();
#endif
        RequestAddinShmemSpace(kSize);
    }
    static void Startup() {
        if (previous_startup) previous_startup();
        bool found;
        LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
        void* memory = ShmemInitStruct("pulse scheduler", kSize, &found);
        Use(memory, !found);
        LWLockRelease(AddinShmemInitLock);
    }
};

void RequestSchedulerState() {
    preloaded = true;
#if PG_VERSION_NUM >= 150000
    previous_request = shmem_request_hook;
    shmem_request_hook = SchedulerMemory::Request;
#else
    SchedulerMemory::Request();
#endif
    previous_startup = shmem_startup_hook;
    shmem_startup_hook = SchedulerMemory::Startup;
}

bool Preloaded() {
    return preloaded;
}

uint32_t MakeSchedulerState() {
    return Call([] {
        dsm_segment* segment = dsm_create(SchedulerMemory::kSize, 0);
        dsm_pin_mapping(segment);
        SchedulerMemory::Use(dsm_segment_address(segment), true);
        return static_cast<uint32_t>(dsm_segment_handle(segment));
    });
}

void AttachSchedulerState(uint32_t handle) {
    Call([&] {
        dsm_segment* segment = dsm_attach(handle);
        if (!segment) return;  // its launcher has ended; without a scheduler state this process ends, too
        dsm_pin_mapping(segment);
        SchedulerMemory::Use(dsm_segment_address(segment), false);
    });
}

SchedulerState* SchedulerState::Find() {
    return SchedulerMemory::Used() ? &scheduler : nullptr;
}

}  // namespace pulse::pg
