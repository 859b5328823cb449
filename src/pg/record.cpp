#include "pulse/pg/record.hpp"

#include <array>

namespace pulse::pg {

namespace {

constexpr size_t kMostColumns = 32;

}  // namespace

Datum RecordType::Make(const std::vector<Value>& values) const {
    if (values.size() != columns_.size() || values.size() > kMostColumns)
        throw std::logic_error("a row of " + std::to_string(values.size()) + " columns was made for " +
                               std::to_string(columns_.size()));
    std::array<Datum, kMostColumns> datums{};
    std::array<bool, kMostColumns> nulls{};
    for (size_t i = 0; i < values.size(); ++i) {
        datums[i] = values[i].datum;
        nulls[i] = values[i].null;
    }
    const Column* columns = columns_.data();
    const int count = static_cast<int>(columns_.size());
    return Call([&] {
        if (!descriptor_) {
            MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
            TupleDesc descriptor = CreateTemplateTupleDesc(count);
            for (int i = 0; i < count; ++i)
                TupleDescInitEntry(descriptor, static_cast<AttrNumber>(i + 1), columns[i].name,
                                   columns[i].type, -1, 0);
            descriptor_ = BlessTupleDesc(descriptor);
            MemoryContextSwitchTo(caller);
        }
        return HeapTupleGetDatum(heap_form_tuple(descriptor_, datums.data(), nulls.data()));
    });
}

}  // namespace pulse::pg
