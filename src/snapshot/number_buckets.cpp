#include "pulse/snapshot/number_buckets.hpp"

#include <algorithm>

namespace pulse::snapshot {

namespace {

// The buckets of the lowest and the highest finite double. The border of the lowest is minus infinity.
const uint32_t kFirstBucket = BucketOf(std::numeric_limits<double>::lowest());
const uint32_t kLastBucket = BucketOf(std::numeric_limits<double>::max());

// Mean and sum of squared deviations of some values, combined as in Chan, Golub & LeVeque 1979.
struct VarianceAccumulator {
    long double count = 0, mean = 0, squares = 0;

    void Combine(const VarianceAccumulator& other) {
        const long double total = count + other.count;
        const long double difference = other.mean - mean;
        mean += difference * (other.count / total);
        squares += other.squares + difference * difference * (count / total) * other.count;
        count = total;
    }
};

// The doubles of a bucket lie evenly: the second one, and the distance between two. Its border itself may be
// of the next exponent, or minus infinity.
struct BucketSpacing {
    explicit BucketSpacing(uint32_t bucket)
        : first(FromOrderedKey((static_cast<uint64_t>(bucket) << kBucketShift) + 1)),
          step(FromOrderedKey((static_cast<uint64_t>(bucket) << kBucketShift) + 2) - first) {}

    long double first, step;
};

// Of one bucket. The integers are exact: deviations are taken from the whole part q of the mean low bits,
// modulo 2^128, where the true result fits.
VarianceAccumulator SpreadOf(uint32_t bucket, uint64_t count, Wide sum, Wide squares) {
    const Wide q = sum / count;
    const Wide remainder = sum - q * count;
    const Wide around = squares - 2 * q * sum + q * q * count;
    const auto [first, step] = BucketSpacing(bucket);
    const long double n = static_cast<long double>(count), r = static_cast<long double>(remainder);
    return {n, first + step * (static_cast<long double>(q) - 1 + r / n),
            step * step * (static_cast<long double>(around) - r * r / n)};
}

}  // namespace

double NearestBorder(double value) {
    const uint32_t bucket = BucketOf(value);
    const double low = BorderOf(bucket);
    if (bucket >= kLastBucket) return low;
    const double high = BorderOf(bucket + 1);
    return value - low <= high - value ? low : high;
}

void NumberBuckets::AddSpecial(double value) {
    if (std::isnan(value))
        ++nans_;
    else
        ++(value < 0 ? below_ : above_);
}

template <typename Take>
void NumberBuckets::Each(Take take) const {
    for (uint32_t p = 0; p < kPages; ++p) {
        if (!pages_[p]) continue;
        for (uint32_t c = 0; c < 64; ++c)
            if ((*pages_[p])[c].count != 0) take(p << 6 | c, (*pages_[p])[c]);
    }
}

void NumberBuckets::Merge(const NumberBuckets& other) {
    for (size_t p = 0; p < kPages; ++p) {
        if (!other.pages_[p]) continue;
        if (!pages_[p]) pages_[p] = std::make_unique<Page>();
        for (size_t c = 0; c < 64; ++c) {
            BucketSums& cell = (*pages_[p])[c];
            const BucketSums& more = (*other.pages_[p])[c];
            cell.count += more.count;
            cell.sum += more.sum;
            cell.squares += more.squares;
        }
    }
    lowest_ = std::min(lowest_, other.lowest_);
    highest_ = std::max(highest_, other.highest_);
    nans_ += other.nans_;
    below_ += other.below_;
    above_ += other.above_;
}

void NumberBuckets::AddSummary(const BucketSummary& summary) {
    const uint64_t low_key = OrderedKey(summary.lowest), high_key = OrderedKey(summary.highest);
    const auto bucket = static_cast<uint32_t>(low_key >> kBucketShift);
    if (summary.count <= 0 || low_key > high_key || high_key >> kBucketShift != bucket ||
        !std::isfinite(summary.lowest) || !std::isfinite(summary.highest))
        throw UserError(
            sqlstate::kDataCorrupted, "a source summed up numbers that do not lie in one bucket",
            "They are " + std::to_string(summary.lowest) + " to " + std::to_string(summary.highest) + ".");
    lowest_ = std::min(lowest_, low_key);
    highest_ = std::max(highest_, high_key);
    std::unique_ptr<Page>& page = pages_[low_key >> kPageShift];
    if (!page) page = std::make_unique<Page>();
    BucketSums& cell = (*page)[bucket & 63];
    const auto n = static_cast<long double>(summary.count);
    const uint64_t low = low_key & kLowBits, high = high_key & kLowBits;
    long double mean = low, variance = 0;  // of the low bits
    if (low != high) {
        const auto [first, step] = BucketSpacing(bucket);
        const long double range = static_cast<long double>(high - low);
        mean = summary.mean ? std::clamp(1 + (*summary.mean - first) / step, static_cast<long double>(low),
                                         static_cast<long double>(high))
                            : low + range / 2;
        variance = summary.variance ? *summary.variance / (step * step) : range * range / 12;
    }
    // Squares are put together from the deviations from the whole part of the mean, as SpreadOf() takes them
    // apart.
    cell.count = static_cast<uint64_t>(summary.count);
    cell.sum = static_cast<Wide>(std::round(mean * n));
    const Wide q = cell.sum / cell.count;
    const auto remainder = static_cast<long double>(cell.sum - q * cell.count);
    const auto around = static_cast<Wide>(std::round(n * variance + remainder * remainder / n));
    cell.squares = std::max<Wide>(around, low != high) + 2 * q * cell.sum - q * q * cell.count;
}

uint64_t NumberBuckets::FiniteCount() const {
    uint64_t count = 0;
    Each([&](uint32_t, const BucketSums& cell) { count += cell.count; });
    return count;
}

Moments NumberBuckets::Summary() const {
    VarianceAccumulator all;
    Each([&](uint32_t bucket, const BucketSums& cell) {
        all.Combine(SpreadOf(bucket, cell.count, cell.sum, cell.squares));
    });
    Moments moments;
    if (all.count == 0) return moments;
    moments.count = static_cast<int64_t>(all.count);
    moments.minimum = FromOrderedKey(lowest_);
    moments.maximum = FromOrderedKey(highest_);
    moments.mean = std::clamp(static_cast<double>(all.mean), *moments.minimum, *moments.maximum);
    const auto deviation = static_cast<double>(std::sqrt(all.squares / std::max(all.count - 1, 1.0L)));
    // The deviation would exceed the range of a double.
    if (moments.count > 1 && std::isfinite(deviation)) moments.stddev = deviation;
    return moments;
}

// The one value of a bucket that has only one; else its middle, at most 1/128 off.
double NumberBuckets::Representative(uint32_t bucket, const BucketSums& cell) const {
    const Wide q = cell.sum / cell.count;
    double value = FromOrderedKey((static_cast<uint64_t>(bucket) << kBucketShift) + static_cast<uint64_t>(q));
    if (cell.squares != q * q * cell.count)
        value = FromOrderedKey((static_cast<uint64_t>(bucket) << kBucketShift) +
                               (uint64_t{1} << (kBucketShift - 1)));
    return std::clamp(value, FromOrderedKey(lowest_), FromOrderedKey(highest_));
}

std::vector<double> NumberBuckets::Quantiles(const double* levels, size_t count) const {
    const uint64_t finite = FiniteCount();
    if (finite == 0) return {};
    const auto last_rank = static_cast<long double>(finite + static_cast<uint64_t>(below_ + above_) - 1);
    std::vector<double> quantiles(count, FromOrderedKey(highest_));
    size_t next = 0;
    uint64_t seen = static_cast<uint64_t>(below_);
    while (next < count && levels[next] * last_rank < static_cast<long double>(seen))
        quantiles[next++] = FromOrderedKey(lowest_);
    Each([&](uint32_t bucket, const BucketSums& cell) {
        seen += cell.count;
        while (next < count && levels[next] * last_rank < static_cast<long double>(seen))
            quantiles[next++] = Representative(bucket, cell);
    });
    return quantiles;
}

std::vector<double> NumberBuckets::ChooseEdges() const {
    struct UsedBucket {
        uint32_t bucket;
        uint64_t before, count;
    };
    std::vector<UsedBucket> occupied;
    uint64_t total = 0;
    Each([&](uint32_t bucket, const BucketSums& cell) {
        occupied.push_back({bucket, total, cell.count});
        total += cell.count;
    });
    if (occupied.empty()) return {};
    std::vector<uint32_t> borders;
    // The border that has nearest to i tenths of all values below it.
    for (uint64_t i = 1; i < 10; ++i) {
        const uint64_t rank = total * i / 10;
        const auto above = std::upper_bound(occupied.begin(), occupied.end(), rank,
                                            [](uint64_t r, const UsedBucket& o) { return r < o.before; });
        const bool nearer_above =
            above != occupied.end() && above->before - rank < rank - std::prev(above)->before;
        const auto nearest = nearer_above ? above : std::prev(above);
        if (nearest != occupied.begin()) borders.push_back(nearest->bucket);
    }
    for (size_t i = 0; i < occupied.size(); ++i) {
        if (occupied[i].count * 10 <= total) continue;
        borders.push_back(occupied[i].bucket);
        if (i + 1 < occupied.size()) borders.push_back(occupied[i + 1].bucket);
        // Later values above the highest one must be visible; the borders right above 0 are unreadably small.
        else
            borders.push_back(BorderOf(occupied[i].bucket) == 0 ? BucketOf(0x1p-30) : occupied[i].bucket + 1);
    }
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::vector<double> edges;
    for (const uint32_t border : borders)
        if (border > kFirstBucket && border <= kLastBucket) edges.push_back(BorderOf(border));
    return edges;
}

std::vector<int64_t> NumberBuckets::CountBetween(const std::vector<double>& edges) const {
    std::vector<int64_t> counts(edges.size() + 1, 0);
    counts.front() += below_;
    counts.back() += above_;
    size_t interval = 0;
    Each([&](uint32_t bucket, const BucketSums& cell) {
        while (interval < edges.size() && edges[interval] <= BorderOf(bucket)) ++interval;
        counts[interval] += static_cast<int64_t>(cell.count);
    });
    return counts;
}

void NumberBuckets::Encode(WireWriter& writer) const {
    uint32_t size = 0;
    Each([&](uint32_t, const BucketSums&) { ++size; });
    writer.Put(size);
    Each([&](uint32_t bucket, const BucketSums& cell) {
        writer.Put(bucket);
        writer.Put(cell.count);
        writer.Put(cell.sum);
        writer.Put(cell.squares);
    });
    for (const uint64_t key : {lowest_, highest_}) writer.Put(key);
    for (const int64_t count : {nans_, below_, above_}) writer.Put(count);
}

NumberBuckets NumberBuckets::Decode(WireReader& reader) {
    NumberBuckets buckets;
    const uint32_t size = reader.Get<uint32_t>();
    uint64_t first = UINT64_MAX >> kBucketShift, last = 0;
    for (uint32_t i = 0; i < size; ++i) {
        const uint32_t bucket = reader.Get<uint32_t>();
        first = std::min<uint64_t>(first, bucket);
        last = std::max<uint64_t>(last, bucket);
        reader.Check(bucket >= kFirstBucket && bucket <= kLastBucket, "It holds an impossible bucket.");
        std::unique_ptr<Page>& page = buckets.pages_[bucket >> 6];
        if (!page) page = std::make_unique<Page>();
        BucketSums& cell = (*page)[bucket & 63];
        reader.Check(cell.count == 0, "It holds a bucket twice.");
        cell.count = static_cast<uint64_t>(reader.GetCount());
        cell.sum = reader.Get<Wide>();
        cell.squares = reader.Get<Wide>();
        reader.Check(cell.count > 0 && cell.sum / cell.count <= kLowBits, "It holds an impossible bucket.");
    }
    buckets.lowest_ = reader.Get<uint64_t>();
    buckets.highest_ = reader.Get<uint64_t>();
    buckets.nans_ = reader.GetCount();
    buckets.below_ = reader.GetCount();
    buckets.above_ = reader.GetCount();
    reader.Check(buckets.lowest_ >> kBucketShift == first && buckets.highest_ >> kBucketShift == last &&
                     (size == 0 || buckets.lowest_ <= buckets.highest_),
                 "Its extremes are impossible.");
    return buckets;
}

}  // namespace pulse::snapshot
