#include "pulse/snapshot/measurement.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "pulse/base/json.hpp"

namespace pulse::snapshot {

namespace {

using Json = nlohmann::json;
using segment::AttributeKind;

constexpr uint32_t kMeasurementMagic = 0x314D5350;  // "PSM1"
constexpr size_t kMaxColumns = 90;                  // PostgreSQL's limit of arguments is 100

constexpr struct {
    AttributeKind kind;
    const char* name;
} kKinds[] = {{AttributeKind::kCategorical, "categorical"},
              {AttributeKind::kBoolean, "boolean"},
              {AttributeKind::kNumeric, "numeric"},
              {AttributeKind::kTimestamp, "timestamp"}};

bool HasLabels(AttributeKind kind) {
    return kind == AttributeKind::kCategorical || kind == AttributeKind::kBoolean;
}

[[noreturn]] void BadOptions(const std::string& text) {
    throw UserError(sqlstate::kInvalidParameter, "invalid options for pulse.measure()", "They are: " + text,
                    "It is an internal function: pulse_take_snapshot() calls it.");
}

// Rows by block do not matter here: the rows are no sample.
void EncodeClauses(const ClauseTally& tally, WireWriter& writer) {
    writer.Put(static_cast<uint8_t>(tally.clauses));
    writer.Put(tally.rows);
    for (int i = 0; i < tally.clauses; ++i) {
        writer.Put(tally.passed[i]);
        writer.Put(tally.missed_only[i]);
    }
}

void DecodeClauses(ClauseTally& tally, WireReader& reader) {
    tally.clauses = reader.Get<uint8_t>();
    reader.Check(tally.clauses > 0 && tally.clauses <= kMaxTallyClauses,
                 "It holds an impossible number of clauses.");
    tally.rows = reader.GetCount();
    for (int i = 0; i < tally.clauses; ++i) {
        tally.passed[i] = reader.GetCount();
        tally.missed_only[i] = reader.GetCount();
        reader.Check(tally.passed[i] + tally.missed_only[i] <= tally.rows,
                     "It holds an impossible count of a clause.");
    }
}

}  // namespace

std::string MeasureOptions::Print() const {
    Json json = {{"moment", moment},
                 {"inactive_after", inactive_after},
                 {"sketch_size", sketch_size},
                 {"kinds", Json::array()}};
    for (const AttributeKind kind : kinds)
        for (const auto& known : kKinds)
            if (known.kind == kind) json["kinds"].push_back(known.name);
    if (clauses > 0) json["clauses"] = clauses;
    if (theta != Sketch::kEverything) json["theta"] = theta;
    return DumpJson(json);
}

MeasureOptions MeasureOptions::Parse(const std::string& text) {
    const Json json = ParseJsonOrDiscard(text);
    MeasureOptions options;
    try {
        options.moment = json.at("moment").get<int64_t>();
        options.inactive_after = json.at("inactive_after").get<int64_t>();
        options.sketch_size = json.at("sketch_size").get<uint32_t>();
        for (const Json& name : json.at("kinds")) {
            const auto known = std::find_if(std::begin(kKinds), std::end(kKinds),
                                            [&](const auto& k) { return name.get<std::string>() == k.name; });
            if (known == std::end(kKinds)) BadOptions(text);
            options.kinds.push_back(known->kind);
        }
        options.clauses = json.value("clauses", 0);
        options.theta = json.value("theta", Sketch::kEverything);
    } catch (const Json::exception&) {
        BadOptions(text);
    }
    if (options.sketch_size < kMinSketchSize || options.sketch_size > kMaxSketchSize ||
        options.inactive_after < 0 || options.kinds.size() > kMaxColumns || options.clauses < 0 ||
        options.clauses > kMaxTallyClauses || options.theta == 0)
        BadOptions(text);
    return options;
}

ColumnCounts::ColumnCounts(AttributeKind k) : kind(k) {
    if (!HasLabels(kind)) values.emplace<NumberBuckets>();
}

void ColumnCounts::Merge(const ColumnCounts& other) {
    nulls += other.nulls;
    if (auto* counts = std::get_if<ValueCounts>(&values))
        counts->Merge(std::get<ValueCounts>(other.values));
    else
        std::get<NumberBuckets>(values).Merge(std::get<NumberBuckets>(other.values));
}

Measurement::Measurement(const MeasureOptions& options) : members(options.sketch_size) {
    for (const AttributeKind kind : options.kinds) columns.emplace_back(kind);
    others.clauses = options.clauses;
    members.Merge(Sketch{options.sketch_size, options.theta, {}});
}

bool Measurement::SameShape(const Measurement& other) const {
    return others.clauses == other.others.clauses &&
           std::equal(columns.begin(), columns.end(), other.columns.begin(), other.columns.end(),
                      [](const ColumnCounts& a, const ColumnCounts& b) { return a.kind == b.kind; });
}

void Measurement::Merge(const Measurement& other) {
    size += other.size;
    null_keys += other.null_keys;
    converted += other.converted;
    inactive += other.inactive;
    members.Merge(other.members);
    for (size_t i = 0; i < columns.size(); ++i) columns[i].Merge(other.columns[i]);
    others.Merge(other.others);
}

std::optional<ClauseTally> Measurement::Clauses() const {
    if (others.clauses == 0) return std::nullopt;
    ClauseTally all = others;
    all.rows += size;
    all.members += size;
    for (int i = 0; i < all.clauses; ++i) all.passed[i] += size;
    return all;
}

std::string Measurement::Encode() {
    WireWriter writer;
    writer.Put(kMeasurementMagic);
    writer.Put(members.k());
    for (const int64_t count : {size, null_keys, converted, inactive}) writer.Put(count);
    writer.PutText(members.Build().Encode());
    writer.Put(static_cast<uint32_t>(columns.size()));
    for (const ColumnCounts& column : columns) {
        writer.Put(static_cast<uint8_t>(column.kind));
        writer.Put(column.nulls);
        std::visit([&](const auto& values) { values.Encode(writer); }, column.values);
    }
    if (others.clauses > 0) EncodeClauses(others, writer);
    return writer.Take();
}

Measurement Measurement::Decode(std::string_view bytes) {
    WireReader reader(bytes, "measurement");
    reader.Check(reader.Get<uint32_t>() == kMeasurementMagic,
                 "It does not begin with the mark of a measurement of version 1.");
    MeasureOptions options;
    options.sketch_size = reader.Get<uint32_t>();
    reader.Check(options.sketch_size >= kMinSketchSize && options.sketch_size <= kMaxSketchSize,
                 "The capacity of its sketch is out of range.");
    Measurement measurement(options);
    for (int64_t* count :
         {&measurement.size, &measurement.null_keys, &measurement.converted, &measurement.inactive})
        *count = reader.GetCount();
    measurement.members.Merge(Sketch::Decode(reader.GetText()));
    const uint32_t size = reader.Get<uint32_t>();
    reader.Check(size <= kMaxColumns, "It holds too many columns.");
    for (uint32_t i = 0; i < size; ++i) {
        const uint8_t kind = reader.Get<uint8_t>();
        reader.Check(kind < std::size(kKinds), "It holds an unknown kind of column.");
        ColumnCounts& column = measurement.columns.emplace_back(static_cast<AttributeKind>(kind));
        column.nulls = reader.GetCount();
        if (HasLabels(column.kind))
            column.values.emplace<ValueCounts>(ValueCounts::Decode(reader));
        else
            column.values.emplace<NumberBuckets>(NumberBuckets::Decode(reader));
    }
    if (reader.left() > 0) DecodeClauses(measurement.others, reader);
    reader.End();
    return measurement;
}

namespace {

void DistributeValues(const ValueCounts& values, size_t max_values, Distribution& result) {
    int64_t named = 0;
    for (const ValueCounts::Entry& entry : values.Ranked()) {
        // A count within the uncertainty is there by chance, and would appear and vanish as a value of its
        // own.
        if (result.labels.size() == max_values || entry.count <= values.uncertainty()) break;
        result.labels.push_back(entry.value);
        result.counts.push_back(entry.count);
        named += entry.count;
    }
    result.distinct_values = values.Distinct();
    result.other = result.total - result.nulls - named;
}

void DistributeNumbers(const NumberBuckets& numbers, const std::vector<double>* edges, Distribution& result) {
    if (edges)
        std::transform(edges->begin(), edges->end(), std::back_inserter(result.edges), NearestBorder);
    else
        result.edges = numbers.ChooseEdges();
    result.edges.erase(std::unique(result.edges.begin(), result.edges.end()), result.edges.end());
    result.counts = numbers.CountBetween(result.edges);
    result.nans = numbers.nans();
    const Moments moments = numbers.Summary();
    result.mean = moments.mean;
    result.stddev = moments.stddev;
    result.minimum = moments.minimum;
    result.maximum = moments.maximum;
    result.quantiles = numbers.Quantiles(kQuantileLevels, std::size(kQuantileLevels));
}

}  // namespace

Distribution MakeDistribution(const ColumnCounts& column, const std::string& attribute, int64_t total,
                              size_t max_values, const std::vector<double>* edges) {
    Distribution result;
    result.attribute = attribute;
    result.kind = column.kind;
    result.total = total;
    result.nulls = column.nulls;
    if (const auto* values = std::get_if<ValueCounts>(&column.values))
        DistributeValues(*values, max_values, result);
    else
        DistributeNumbers(std::get<NumberBuckets>(column.values), edges, result);
    return result;
}

std::optional<double> Entropy(const std::vector<int64_t>& counts, int64_t other) {
    std::vector<double> members;
    for (const int64_t count : counts)
        if (count > 0) members.push_back(static_cast<double>(count));
    if (other > 0) members.push_back(static_cast<double>(other));
    if (members.empty()) return std::nullopt;
    const double total = std::accumulate(members.begin(), members.end(), 0.0);
    double entropy = 0;
    for (const double n : members) entropy += n / total * std::log2(total / n);
    return entropy;
}

}  // namespace pulse::snapshot
