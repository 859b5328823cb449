// Any bytes: a sketch or a measurement is either decoded completely or rejected with XX001, and a decoded one
// encodes to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pulse/base/error.hpp"
#include "pulse/snapshot/measurement.hpp"
#include "pulse/snapshot/sketch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try {
        const pulse::snapshot::Sketch sketch = pulse::snapshot::Sketch::Decode(bytes);
        if (sketch.Encode() != bytes || !(sketch.Cardinality() >= 0)) std::abort();
        (void)pulse::snapshot::Compare(sketch, sketch);
        (void)pulse::snapshot::Union(sketch, sketch);
    } catch (const pulse::UserError& error) {
        if (error.state() != pulse::sqlstate::kDataCorrupted) std::abort();
    }
    try {
        pulse::snapshot::Measurement measurement = pulse::snapshot::Measurement::Decode(bytes);
        for (const pulse::snapshot::ColumnCounts& column : measurement.columns)
            (void)pulse::snapshot::MakeDistribution(column, "a", measurement.size, 50, nullptr);
        (void)measurement.Encode();
    } catch (const pulse::UserError& error) {
        if (error.state() != pulse::sqlstate::kDataCorrupted) std::abort();
    }
    return 0;
}
