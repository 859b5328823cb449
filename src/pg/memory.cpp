#include "pulse/pg/memory.hpp"

namespace pulse::pg {

Arena::Arena(const char* name) : previous_(CurrentMemoryContext) {
    context_ = Call([&] { return AllocSetContextCreateInternal(previous_, name, ALLOCSET_DEFAULT_SIZES); });
    MemoryContextSwitchTo(context_);
}

Arena::~Arena() {
    MemoryContextSwitchTo(previous_);
    MemoryContextDelete(context_);
}

void Arena::Reset() {
    MemoryContextReset(context_);
}

}  // namespace pulse::pg
