// Any bytes: a sketch or a measurement is either decoded completely or rejected with XX001. A decoded sketch
// encodes to the same bytes, a decoded measurement to bytes that are read the same, and it can be merged.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pulse/base/error.hpp"
#include "pulse/snapshot/measurement.hpp"
#include "pulse/snapshot/sketch.hpp"

using pulse::snapshot::Measurement;

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
        Measurement measurement = Measurement::Decode(bytes);
        for (const pulse::snapshot::ColumnCounts& column : measurement.columns)
            (void)pulse::snapshot::MakeDistribution(column, "a", measurement.size, 50, nullptr);
        const std::string encoded = measurement.Encode();
        Measurement again = Measurement::Decode(encoded);
        if (again.Encode() != encoded || !again.SameShape(measurement)) std::abort();
        again.Merge(measurement);
        (void)again.Encode();
    } catch (const pulse::UserError& error) {
        if (error.state() != pulse::sqlstate::kDataCorrupted) std::abort();
    }
    return 0;
}
