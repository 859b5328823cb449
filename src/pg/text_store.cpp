#include "pulse/pg/text_store.hpp"

#include "pulse/pg/convert.hpp"
#include "pulse/pg/error.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

namespace pulse::pg {

// In a memory context of its own: callers change theirs.
struct TextStore::State {
    MemoryContext context;
    TupleDesc columns;
    Tuplestorestate* store;
    TupleTableSlot* slot;
};

TextStore::TextStore()
    : state_(Call([] {
          MemoryContext context =
              AllocSetContextCreate(CurTransactionContext, "pulse texts", ALLOCSET_DEFAULT_SIZES);
          MemoryContext before = MemoryContextSwitchTo(context);
          auto* state = static_cast<State*>(palloc(sizeof(State)));
          state->context = context;
          state->columns = CreateTemplateTupleDesc(1);
          TupleDescInitEntry(state->columns, 1, "text", TEXTOID, -1, 0);
          state->store = tuplestore_begin_heap(false, false, work_mem);
          state->slot = MakeSingleTupleTableSlot(state->columns, &TTSOpsMinimalTuple);
          MemoryContextSwitchTo(before);
          return state;
      })) {}

TextStore::~TextStore() {
    // After an error the end of the transaction level frees it.
    if (detail::aborting) return;
    try {
        Call([&] {
            ExecDropSingleTupleTableSlot(state_->slot);
            tuplestore_end(state_->store);
            MemoryContextDelete(state_->context);
        });
    } catch (const std::exception&) {
        // No exception may leave a destructor; Call has set `aborting`, which Enter() refuses.
    }
}

void TextStore::Put(const std::string& text) {
    Call([&] {
        Datum value = PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
        bool null = false;
        tuplestore_putvalues(state_->store, state_->columns, &value, &null);
        pfree(DatumGetPointer(value));
    });
}

void TextStore::Clear() {
    Call([&] { tuplestore_clear(state_->store); });
}

std::optional<std::string> TextStore::Next() {
    return Call([&]() -> std::optional<std::string> {
        if (!tuplestore_gettupleslot(state_->store, true, false, state_->slot)) return std::nullopt;
        bool null = false;
        return ToText(slot_getattr(state_->slot, 1, &null));
    });
}

}  // namespace pulse::pg
