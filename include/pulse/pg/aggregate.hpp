// C++ objects as the states of aggregates: PostgreSQL destroys them with the aggregate's memory context, also
// after an error or a cancel.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// The memory context that lives as long as the aggregate's group. Throws if the function is not called as
// part of an aggregate.
inline MemoryContext AggregateContext(FunctionCallInfo fcinfo) {
    MemoryContext context;
    if (!AggCheckCallContext(fcinfo, &context))
        throw UserError(sqlstate::kNotSupported, "this function only works as part of an aggregate", "",
                        "Call the aggregate itself.");
    return context;
}

// Give an object to a memory context, which destroys it when it is reset or deleted.
template <typename T>
T* Keep(MemoryContext context, std::unique_ptr<T> object) {
    auto* callback = Call([&] {
        return static_cast<MemoryContextCallback*>(
            MemoryContextAlloc(context, sizeof(MemoryContextCallback)));
    });
    callback->func = [](void* opaque) { std::default_delete<T>()(static_cast<T*>(opaque)); };
    callback->arg = object.release();
    MemoryContextRegisterResetCallback(context, callback);
    return static_cast<T*>(callback->arg);
}

}  // namespace pulse::pg
