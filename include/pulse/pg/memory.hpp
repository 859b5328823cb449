// Memory contexts with the lifetime of a C++ scope.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Memory allocated by palloc while an Arena exists belongs to it. Call Reset() between iterations of a long
// loop.
class Arena {
  public:
    explicit Arena(const char* name);  // a string literal
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    void Reset();

  private:
    MemoryContext context_;
    MemoryContext previous_;
};

// Allocations in the scope use this memory context.
class ContextScope {
  public:
    explicit ContextScope(MemoryContext context) : caller_(MemoryContextSwitchTo(context)) {}
    ~ContextScope() { MemoryContextSwitchTo(caller_); }
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

  private:
    MemoryContext caller_;
};

}  // namespace pulse::pg
