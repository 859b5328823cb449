// PostgreSQL's numeric, as it lies in a row, to the nearest double: what numeric::float8 gives, without its
// detour over text. Pure C++.
#pragma once

#include <cstddef>

namespace pulse::snapshot {

// `bytes` follow the varlena header. Beyond the range of a double the result is infinite or 0.
double DecodeNumeric(const char* bytes, size_t size);

}  // namespace pulse::snapshot
