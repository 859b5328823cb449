// Work that can fail without failing the enclosing transaction.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Begins at construction; Commit() keeps the work, destruction without it rolls everything back, and only
// then may a caught pg::Error be swallowed. Open a Session inside it, not around it.
class Subtransaction {
  public:
    enum class Mode { kReadWrite, kReadOnly };

    // Read-only until the end of the subtransaction, also for functions called inside.
    explicit Subtransaction(Mode mode = Mode::kReadWrite);
    ~Subtransaction();
    Subtransaction(const Subtransaction&) = delete;
    Subtransaction& operator=(const Subtransaction&) = delete;

    void Commit();

  private:
    MemoryContext context_;
    ResourceOwner owner_;
    bool open_ = true;
};

// Whether an error is a cancel or a shutdown of the whole statement rather than a failure of this work.
// Detected by the place that raised it, because functions of a definition can raise any SQLSTATE. Lock
// timeouts are raised there, too.
inline bool MeantForAll(const Error& error) {
    return error.function == "ProcessInterrupts" && error.State() != sqlstate::kLockNotAvailable;
}

// Cancels a statement that runs too long inside the scope, like statement_timeout, which cannot be changed
// after a statement has begun. What catches the cancels and goes on for two more seconds loses the
// connection. A nested or zero limit does nothing.
class Deadline {
  public:
    explicit Deadline(int milliseconds);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    // Whether this limit caused the cancel, rather than a user.
    static bool Expired();

  private:
    bool armed_ = false;
};

// The same for a whole job of several statements, each of which may have its own Deadline.
class JobDeadline {
  public:
    explicit JobDeadline(int64_t milliseconds);
    ~JobDeadline();
    JobDeadline(const JobDeadline&) = delete;
    JobDeadline& operator=(const JobDeadline&) = delete;

    static bool Expired();

  private:
    bool armed_ = false;
};

}  // namespace pulse::pg
