// Takes snapshots from SQL in ways that Pulse itself does not offer: as on a server without Pulse, and as a
// background worker.
#include "background.hpp"

#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/snapshot/store.hpp"

extern "C" {
#include "storage/ipc.h"
#include "tcop/tcopprot.h"

PGDLLEXPORT void snapshot_apart_main(Datum database);
}

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
    void QueryInPortions(const std::string& sql, int rows,
                         const std::function<void(source::Rows&)>& take) override {
        reader_.QueryInPortions(sql, rows, take);
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
    snapshot::MeasureSpec spec;
    snapshot::MeasureResult result;
    std::vector<std::string> queries;
};

Measured MeasurePlainly(const segment::Segment& from, const pg::Args& args) {
    Measured measured;
    snapshot::MeasureSpec& spec = measured.spec;
    spec = snapshot::PrepareMeasurement(from, *args.Time(1));
    if (args.Int4(2)) spec.sketch_size = static_cast<uint32_t>(*args.Int4(2));
    if (args.Int4(3)) spec.max_values = static_cast<size_t>(*args.Int4(3));
    if (args.Int8(4)) spec.previous = snapshot::PreviousSnapshot{*args.Int8(4), std::nullopt};
    source::Usage usage;
    segment::ReadForDefinition(source::ResolveTarget(segment::AccessOf(from), 0), usage,
                               [&](source::Reader& reader) {
                                   PlainReader plain(reader);
                                   measured.result = snapshot::MeasureSegment(plain, spec);
                                   measured.queries = plain.queries();
                               });
    return measured;
}

// Writes the outcomes to a table for the waiting session.
void TakeApartAndTell() {
    const std::vector<snapshot::TakeResult> outcomes = snapshot::TakeDueInBackground();
    pg::Transaction transaction("telling");
    {
        const pg::Session session;
        for (const snapshot::TakeResult& outcome : outcomes)
            pg::Execute("INSERT INTO bridge.outcome VALUES ($1, $2, $3, $4, $5)",
                        {pg::Value::Text(outcome.segment), pg::Value::Int8(outcome.snapshot),
                         pg::Value::Text(outcome.status), pg::Value::Int8(outcome.size),
                         pg::Value::Text(outcome.error)});
    }
    transaction.Commit();
}

bool TakeApartSafely() {
    try {
        TakeApartAndTell();
        return true;
    } catch (const std::exception& error) {
        pg::Warning(std::string("taking snapshots apart failed: ") + error.what());
        return false;
    }
}

}  // namespace

void snapshot_apart_main(Datum database) {
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
    proc_exit(TakeApartSafely() ? 0 : 1);
}

PULSE_FUNCTION(snapshot_take_due_apart) {
    pulse::bridge::RunWorker("snapshot_apart_main", "snapshots apart");
    return 0;
}

PULSE_FUNCTION(snapshot_plainly) {
    const pg::Args args(fcinfo);
    const segment::Segment from = segment::Load(args.RequireText(0, "segment"));
    Measured measured = MeasurePlainly(from, args);
    return Int64GetDatum(snapshot::StoreMeasured(from, measured.spec, std::move(measured.result)).id);
}

PULSE_FUNCTION(snapshot_plain_queries) {
    const pg::Args args(fcinfo);
    return pg::FromTextArray(MeasurePlainly(segment::Load(args.RequireText(0, "segment")), args).queries);
}
