#include "pulse/pg/memory.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

using pg::Value;

void WriteDistributions(int64_t snapshot, const std::vector<Distribution>& distributions) {
    static pg::Statement insert(
        "INSERT INTO pulse.distribution (snapshot_id, attribute, kind, total, nulls, nans, other,"
        " distinct_values, labels, edges, "
        "counts, mean, stddev, minimum, maximum, quantiles) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        {INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTARRAYOID, FLOAT8ARRAYOID,
         INT8ARRAYOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8ARRAYOID});
    pg::Arena arena("pulse distributions");
    for (const Distribution& d : distributions) {
        pg::CheckInterrupts();
        insert.Execute({Value::Int8(snapshot), Value::Text(d.attribute), Value::Text(segment::Name(d.kind)),
                        Value::Int8(d.total), Value::Int8(d.nulls), Value::Int8(d.nans), Value::Int8(d.other),
                        Value::Int8(d.distinct_values),
                        d.labelled() ? Value::Texts(d.labels) : Value::Null(TEXTARRAYOID),
                        d.labelled() ? Value::Null(FLOAT8ARRAYOID) : Value::Float8s(d.edges),
                        Value::Int8s(d.counts), Value::Float8(d.mean), Value::Float8(d.stddev),
                        Value::Float8(d.minimum), Value::Float8(d.maximum),
                        d.quantiles.empty() ? Value::Null(FLOAT8ARRAYOID) : Value::Float8s(d.quantiles)});
        arena.Reset();
    }
}

Distribution ReadDistribution(const pg::Row& row, int first) {
    Distribution d;
    d.attribute = row.Text(first);
    const std::string kind = row.Text(first + 1);
    const auto known = segment::ParseAttributeKind(kind);
    if (!known)
        throw UserError(sqlstate::kDataCorrupted, "unknown kind of attribute \"" + kind + "\"",
                        "It is in the distribution of \"" + d.attribute + "\".");
    d.kind = *known;
    d.total = row.Int8(first + 2);
    d.nulls = row.Int8(first + 3);
    d.other = row.Int8(first + 4);
    if (const auto nans = row.Int8OrNull(first + 5)) {
        d.nans = *nans;
    } else if (!row.IsNull(first + 15) && row.Bool(first + 15)) {
        // Rows that are older than the column nans counted the NaN of measured numbers as other.
        std::swap(d.nans, d.other);
    }
    d.distinct_values = row.Int8OrNull(first + 6);
    if (!row.IsNull(first + 7)) d.labels = row.Texts(first + 7);
    if (!row.IsNull(first + 8)) d.edges = row.Float8s(first + 8);
    d.counts = row.Int8s(first + 9);
    d.mean = row.Float8OrNull(first + 10);
    d.stddev = row.Float8OrNull(first + 11);
    d.minimum = row.Float8OrNull(first + 12);
    d.maximum = row.Float8OrNull(first + 13);
    if (!row.IsNull(first + 14)) d.quantiles = row.Float8s(first + 14);
    return d;
}

std::vector<Distribution> ReadDistributions(int64_t snapshot) {
    static const std::string sql =
        "SELECT " + std::string(kDistributionColumns) +
        " FROM pulse.distribution AS d WHERE d.snapshot_id = $1 ORDER BY d.attribute COLLATE \"C\"";
    static pg::Statement select(sql.c_str(), {INT8OID});
    const pg::Result rows = select.Execute({Value::Int8(snapshot)});
    std::vector<Distribution> distributions;
    for (uint64_t i = 0; i < rows.size(); ++i) distributions.push_back(ReadDistribution(rows[i], 0));
    return distributions;
}

}  // namespace pulse::snapshot
