// Visits: to this database here, to servers in store_server.cpp.
#include <chrono>

#include "pulse/pg/spi.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::source {

namespace {

// Reads this database; RunAs() stands around it.
class LocalReader : public Reader {
  public:
    Rows Query(const std::string& sql) override {
        const pg::Result result = pg::Execute(sql);
        Rows rows;
        rows.names = result.ColumnNames();
        rows.types = result.ColumnTypes();
        rows.modifiers = result.ColumnModifiers();
        for (uint64_t i = 0; i < result.size(); ++i) {
            auto& row = rows.values.emplace_back();
            for (size_t c = 0; c < rows.names.size(); ++c) row.push_back(result[i].Output(static_cast<int>(c)));
        }
        return rows;
    }
    PlanEstimate Estimate(const std::string& sql) override {
        return ReadPlan(Query("EXPLAIN (FORMAT JSON) " + sql).values.at(0).at(0).value_or(""));
    }
    bool HasPulse() override { return true; }
    bool local() const override { return true; }
};

}  // namespace

Target Find(const Place& place, int milliseconds) {
    if (!place.source.empty())
        throw UserError(sqlstate::kUndefinedObject, "source \"" + place.source + "\" does not exist");
    return {place, milliseconds, nullptr};
}

void Read(const Target& target, Usage& usage, const std::function<void(Reader&)>& body) {
    RunAs(target.place.role, target.place.search_path, target.milliseconds, [&] {
        LocalReader reader;
        body(reader);
    });
}

void Record(const Usage&) {}

void Visit(const Place& place, int milliseconds, const std::string& purpose, const std::string& object,
           const std::function<void(Reader&)>& body) {
    Usage usage;
    usage.purpose = purpose;
    usage.object = object;
    Read(Find(place, milliseconds), usage, body);
    Record(usage);
}

}  // namespace pulse::source
