#include "pulse/base/local_time.hpp"

#include <algorithm>

namespace pulse {

ClockOffsets OffsetsAround(Moment from, Moment until, const OffsetAt& offset) {
    return {offset(from - kDay), offset(until + kDay)};
}

LocalInstants InstantsOf(Moment local, const ClockOffsets& offsets, const OffsetAt& offset) {
    LocalInstants found;
    if (offsets.before == offsets.after) {
        found.at[0] = local - offsets.before;
        found.count = 1;
        return found;
    }
    for (const int64_t ahead :
         {std::max(offsets.before, offsets.after), std::min(offsets.before, offsets.after)})
        if (offset(local - ahead) == ahead) found.at[found.count++] = local - ahead;
    return found;
}

Moment EndOfGap(Moment local, const ClockOffsets& offsets, const OffsetAt& offset) {
    Moment low = local - std::max(offsets.before, offsets.after) - kDay;
    Moment high = local - std::min(offsets.before, offsets.after) + kDay;
    const int64_t first = offset(low);
    while (high - low > 1) {
        const Moment middle = low + (high - low) / 2;
        (offset(middle) == first ? low : high) = middle;
    }
    return high;
}

}  // namespace pulse
