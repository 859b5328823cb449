#include "pulse/pg/poller.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

#include <cerrno>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>

namespace pulse::pg {

// A WaitEventSet cannot remove a socket, but sockets change with every request. So it waits for the latch and
// an epoll descriptor that has the sockets.
Poller::Poller() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0)
        throw UserError(sqlstate::kInsufficientResources, "no free file descriptor to wait for sockets");
    try {
        set_ = Call([&] {
#if PG_VERSION_NUM >= 170000
            WaitEventSet* set = CreateWaitEventSet(nullptr, 3);
#else
            WaitEventSet* set = CreateWaitEventSet(TopMemoryContext, 3);
#endif
            AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
            AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
            AddWaitEventToSet(set, WL_SOCKET_READABLE, epoll_, nullptr, nullptr);
            return set;
        });
    } catch (...) {
        close(epoll_);
        throw;
    }
}

Poller::~Poller() {
    FreeWaitEventSet(set_);
    close(epoll_);
}

void Poller::Watch(int socket, bool reading, bool writing) {
    epoll_event event{};
    event.events = (reading ? EPOLLIN : 0u) | (writing ? EPOLLOUT : 0u);
    event.data.fd = socket;
    if (event.events == 0) {
        epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
        return;
    }
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) == 0) return;
    if (errno != ENOENT || epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0)
        throw UserError(sqlstate::kInsufficientResources, "could not wait for a socket",
                        std::generic_category().message(errno));
}

bool Poller::Reserve() {
    return Call([] { return AcquireExternalFD(); });
}

void Poller::Release() {
    ReleaseExternalFD();
}

std::vector<Poller::Ready> Poller::Wait(long milliseconds) {
    woken_ = Call([&] {
        WaitEvent event;
        const int count = WaitEventSetWait(set_, milliseconds, &event, 1, PULSE_WAIT_EVENT("PulseHttp"));
        const bool latch = count > 0 && (event.events & WL_LATCH_SET) != 0;
        if (latch) ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        return latch;
    });
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, 0);
    std::vector<Ready> ready;
    for (int i = 0; i < count; ++i)
        ready.push_back({events[i].data.fd, (events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0,
                         (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0});
    return ready;
}

}  // namespace pulse::pg
