// The loop of a job with a process of its own. It listens for what wakes it, and stays for a while when there
// is nothing to do: a process is more expensive to start than to keep.
#pragma once

#include <functional>

#include "pulse/pg/job_kind.hpp"

namespace pulse::pg {

class LaneWorker {
  public:
    // `busy_pause`: delay after a conflict with another session's lock.
    LaneWorker(const JobKind& kind, int64_t busy_pause);
    virtual ~LaneWorker();
    LaneWorker(const LaneWorker&) = delete;

  protected:
    // Calls RunOnce() until there has been nothing to do for a while.
    void Loop();

    // Does what there is to do, or waits: until something is due, or at most until IdleDeadline().
    virtual void RunOnce() = 0;
    // Whether something must be finished, whatever the settings say.
    virtual bool Unfinished() const { return false; }
    // Whether there may be something to do now.
    virtual bool WorkPending() const = 0;
    // When something is due.
    virtual Moment NextDue() const = 0;

    // Runs one short transaction as the extension's owner. False after a lock conflict or a deadlock: then
    // nothing has changed, and it is retried after the pause.
    bool RunShortTransaction(const char* what, const std::function<void()>& body);
    void Pause();
    // Whether somebody has woken us; it stays true until TakeNotification().
    bool Notified() const;
    bool TakeNotification();
    // When to end if nothing happens. For what is due later the launcher starts a new process.
    Moment IdleDeadline() const;
    // Wait until there is work, something is due or the process ends: for a worker without requests.
    void WaitForWork() const;

    bool gone_ = false;  // the extension was dropped or updated
    Moment not_before_ = kAtOnce;
    Moment idle_since_;

  private:
    bool ShouldContinue();

    const JobKind& kind_;
    const int64_t busy_pause_;
    SchedulerState* const scheduler_ = SchedulerState::Find();
};

}  // namespace pulse::pg
