#include "pulse/snapshot/sketch.hpp"

#include <algorithm>
#include <cmath>

#include <boost/sort/spreadsort/integer_sort.hpp>

#include "pulse/snapshot/wire.hpp"

namespace pulse::snapshot {

namespace {

constexpr uint32_t kSketchMagic = 0x314B5350;  // "PSK1"
constexpr double kHashSpace = 18446744073709551616.0;

// The share of all members whose hash is below theta.
double Share(uint64_t theta) {
    return static_cast<double>(theta) / kHashSpace;
}

void KeepSmallest(std::vector<uint64_t>& hashes, uint32_t k, uint64_t& theta) {
    if (hashes.size() <= k) return;
    theta = hashes[k];
    hashes.resize(k);
}

size_t CountBelow(const std::vector<uint64_t>& hashes, uint64_t theta) {
    return static_cast<size_t>(std::lower_bound(hashes.begin(), hashes.end(), theta) - hashes.begin());
}

size_t CountCommon(const uint64_t* a, const uint64_t* a_end, const uint64_t* b, const uint64_t* b_end) {
    size_t common = 0;
    while (a != a_end && b != b_end) {
        if (*a == *b)
            ++common, ++a, ++b;
        else if (*a < *b)
            ++a;
        else
            ++b;
    }
    return common;
}

}  // namespace

double Sketch::Cardinality() const {
    return exact() ? static_cast<double>(hashes.size()) : static_cast<double>(hashes.size()) / Share(theta);
}

double Sketch::RelativeError() const {
    if (exact()) return 0;
    // A finite population: nothing is uncertain about the part that was seen.
    const double seen = static_cast<double>(std::max<size_t>(hashes.size(), 2));
    return std::sqrt((1 - Share(theta)) / (seen - 1));
}

std::string Sketch::Encode() const {
    WireWriter writer;
    writer.Reserve(20 + hashes.size() * sizeof(uint64_t));
    writer.Put(kSketchMagic);
    writer.Put(k);
    writer.Put(theta);
    writer.Put(static_cast<uint32_t>(hashes.size()));
    writer.PutRaw(hashes.data(), hashes.size() * sizeof(uint64_t));
    return writer.Take();
}

Sketch Sketch::Decode(std::string_view bytes) {
    WireReader reader(bytes, "sketch");
    reader.Check(reader.Get<uint32_t>() == kSketchMagic,
                 "It does not begin with the mark of a sketch of version 1.");
    Sketch sketch;
    sketch.k = reader.Get<uint32_t>();
    reader.Check(sketch.k >= kMinSketchSize && sketch.k <= kMaxSketchSize, "Its capacity is out of range.");
    sketch.theta = reader.Get<uint64_t>();
    const uint32_t count = reader.Get<uint32_t>();
    reader.Check(count <= sketch.k, "It holds more hashes than its capacity.");
    reader.Check(reader.left() == count * sizeof(uint64_t), "Its length does not fit its number of hashes.");
    sketch.hashes.resize(count);
    reader.GetRaw(sketch.hashes.data(), count * sizeof(uint64_t));
    reader.Check(std::adjacent_find(sketch.hashes.begin(), sketch.hashes.end(), std::greater_equal<>()) ==
                     sketch.hashes.end(),
                 "Its hashes are not in ascending order.");
    reader.Check(count == 0 || sketch.hashes.back() < sketch.theta, "It holds a hash above its limit.");
    reader.Check(sketch.theta > 0, "Its limit is zero.");
    return sketch;
}

void SketchBuilder::Compact() {
    boost::sort::spreadsort::integer_sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
    // After merging a sketch with a smaller limit, hashes taken before may lie above it.
    hashes_.resize(CountBelow(hashes_, theta_));
    KeepSmallest(hashes_, k_, theta_);
}

void SketchBuilder::Merge(const Sketch& sketch) {
    theta_ = std::min(theta_, sketch.theta);
    for (const uint64_t hash : sketch.hashes) Add(hash);
}

void SketchBuilder::Merge(const SketchBuilder& other) {
    theta_ = std::min(theta_, other.theta_);
    for (const uint64_t hash : other.hashes_) Add(hash);
}

Sketch SketchBuilder::Build() {
    Compact();
    return Sketch{k_, theta_, hashes_};
}

Sketch Union(const Sketch& a, const Sketch& b) {
    Sketch result{std::min(a.k, b.k), std::min(a.theta, b.theta), {}};
    result.hashes.reserve(a.hashes.size() + b.hashes.size());
    std::set_union(a.hashes.begin(), a.hashes.end(), b.hashes.begin(), b.hashes.end(),
                   std::back_inserter(result.hashes));
    result.hashes.resize(CountBelow(result.hashes, result.theta));
    KeepSmallest(result.hashes, result.k, result.theta);
    return result;
}

Overlap Compare(const Sketch& a, const Sketch& b, std::optional<double> size_a,
                std::optional<double> size_b) {
    // Below the smaller limit both sketches are complete, which is a uniform sample of the union.
    const uint64_t theta = std::min(a.theta, b.theta);
    const size_t count_a = CountBelow(a.hashes, theta), count_b = CountBelow(b.hashes, theta);
    const size_t common =
        CountCommon(a.hashes.data(), a.hashes.data() + count_a, b.hashes.data(), b.hashes.data() + count_b);
    const double total_a = size_a.value_or(a.Cardinality()), total_b = size_b.value_or(b.Cardinality());

    Overlap overlap;
    if (theta == Sketch::kEverything) {
        overlap.in_both = static_cast<double>(common);
    } else {
        // The known sizes fix |A| + |B|; the sample gives the share j of the union that is in both:
        // in_both = (|A| + |B|) j / (1 + j), whose derivative carries the binomial error of j.
        const double sample = static_cast<double>(count_a + count_b - common);
        const double share =
            static_cast<double>(common) / std::max(1.0, static_cast<double>(count_a + count_b));
        overlap.in_both = std::min({share * (total_a + total_b), total_a, total_b});
        // Agresti-Coull: a sample without differences does not prove that there are none.
        const double jaccard = (static_cast<double>(common) + 1) / (sample + 2);
        overlap.standard_error = (total_a + total_b) / ((1 + jaccard) * (1 + jaccard)) *
                                 std::sqrt(jaccard * (1 - jaccard) * (1 - Share(theta)) / (sample + 2));
        if (!size_a || !size_b) {
            const double sizes = std::hypot(a.RelativeError() * total_a, b.RelativeError() * total_b);
            overlap.standard_error = std::hypot(overlap.standard_error, sizes);
        }
    }
    overlap.only_a = std::max(0.0, total_a - overlap.in_both);
    overlap.only_b = std::max(0.0, total_b - overlap.in_both);
    return overlap;
}

Flow FlowBetween(const Sketch& before, int64_t size_before, const Sketch& after, int64_t size_after) {
    const auto rows_before = static_cast<double>(size_before), rows_after = static_cast<double>(size_after);
    // An exact sketch with fewer members than counted rows means duplicate (or null) keys: each remaining
    // member then represents more than one row.
    const double members_before = before.exact() ? before.Cardinality() : rows_before;
    const double members_after = after.exact() ? after.Cardinality() : rows_after;
    const Overlap overlap = Compare(before, after, members_before, members_after);
    double rows_per_member = 1;
    if (members_before > 0 && members_after > 0)
        rows_per_member = (rows_before / members_before + rows_after / members_after) / 2;
    const int64_t stayed = std::clamp<int64_t>(std::llround(overlap.in_both * rows_per_member), 0,
                                               std::min(size_before, size_after));
    return {size_after - stayed, size_before - stayed, overlap.standard_error * rows_per_member};
}

}  // namespace pulse::snapshot
