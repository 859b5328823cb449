// A piece of work that may fail without failing the transaction around it.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Begins at construction; Commit() keeps the work, destruction without it rolls everything back, and only
// then may a caught pg::Error be swallowed. Open a Session inside it, not around it.
class Subtransaction {
  public:
    enum class Mode { kReadWrite, kReadOnly };

    // Read-only ends with the subtransaction, also for functions that the work calls.
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

// Whether an error is a cancel or a shutdown, meant for all that runs, rather than for one piece of work. It
// is told by where it was raised: any SQLSTATE can come from a definition's own functions. A lock that was
// not to be had is raised there, too.
inline bool MeantForAll(const Error& error) {
    return error.function == "ProcessInterrupts" && error.State() != sqlstate::kLockNotAvailable;
}

// Cancels the statement that runs too long inside the scope, like statement_timeout, which cannot be changed
// once a statement has begun. A nested or a zero limit does nothing.
class Deadline {
  public:
    explicit Deadline(int milliseconds);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    // Whether a cancel came from this limit rather than from a person.
    static bool Expired();

  private:
    bool armed_ = false;
};

// The same around a whole job of many statements, each of which may have a Deadline of its own.
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
