// Drives measuring from SQL in ways that Pulse itself does not offer: as on a server without Pulse, and as a background
// worker does it.
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/snapshot/store.hpp"

namespace pg = pulse::pg;
namespace source = pulse::source;
namespace segment = pulse::segment;
namespace snapshot = pulse::snapshot;

namespace {

// This database as if it had no Pulse.
class PlainReader : public source::Reader {
  public:
    explicit PlainReader(source::Reader& reader) : reader_(reader) {}
    source::Rows Query(const std::string& sql) override {
        queries_.push_back(sql);
        return reader_.Query(sql);
    }
    source::PlanEstimate Estimate(const std::string& sql) override { return reader_.Estimate(sql); }
    bool HasPulse() override { return false; }
    bool local() const override { return true; }
    const std::vector<std::string>& queries() const { return queries_; }

  private:
    source::Reader& reader_;
    std::vector<std::string> queries_;
};

struct Measured {
    snapshot::Order order;
    snapshot::Survey survey;
    std::vector<std::string> queries;
};

Measured MeasurePlainly(const segment::Segment& from, const pg::Args& args) {
    Measured measured;
    snapshot::Order& order = measured.order;
    order = snapshot::Prepare(from, *args.Time(1));
    if (args.Int4(2)) order.sketch_size = static_cast<uint32_t>(*args.Int4(2));
    if (args.Int4(3)) order.max_values = static_cast<size_t>(*args.Int4(3));
    if (args.Int8(4)) order.previous = snapshot::Previous{*args.Int8(4), std::nullopt};
    source::Usage usage;
    segment::ReadChecked(source::Find(segment::PlaceOf(from), 0), usage, [&](source::Reader& reader) {
        PlainReader plain(reader);
        measured.survey = snapshot::Measure(plain, order);
        measured.queries = plain.queries();
    });
    return measured;
}

}  // namespace

PULSE_FUNCTION(snapshot_plainly) {
    const pg::Args args(fcinfo);
    const segment::Segment from = segment::Load(args.RequireText(0, "segment"));
    Measured measured = MeasurePlainly(from, args);
    return Int64GetDatum(snapshot::Keep(from, measured.order, std::move(measured.survey)).id);
}

PULSE_FUNCTION(snapshot_plain_queries) {
    const pg::Args args(fcinfo);
    return pg::FromTextArray(MeasurePlainly(segment::Load(args.RequireText(0, "segment")), args).queries);
}
