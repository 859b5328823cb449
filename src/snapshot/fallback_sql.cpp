#include "pulse/snapshot/fallback_sql.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pulse/snapshot/number_buckets.hpp"
#include "pulse/snapshot/value_counts.hpp"

namespace pulse::snapshot {

namespace {

using segment::Attribute;
using segment::AttributeKind;
using segment::MemberQuery;

bool Labelled(const Attribute& attribute) {
    return attribute.kind == AttributeKind::kCategorical || attribute.kind == AttributeKind::kBoolean;
}

std::string Bigint(uint64_t turned) {
    return "'" + std::to_string(static_cast<int64_t>(turned)) + "'::bigint";
}

std::string HashOf(const MemberQuery& query) {
    return "pg_catalog.hashtextextended((" + query.key + ")::text COLLATE \"C\", 0) # " + Bigint(kHashSign);
}

// A value as ValueCounts keeps it.
std::string Label(const Attribute& attribute) {
    const std::string text = "(" + attribute.sql + ")::text COLLATE \"C\"";
    if (attribute.kind == AttributeKind::kBoolean) return text;
    return "CASE WHEN pg_catalog.octet_length(" + text + ") > " + std::to_string(ValueCounts::kMaxLength) +
           " THEN pg_catalog.left(" + text + ", " + std::to_string(ValueCounts::kKeptCharacters) +
           ") || '...#' || pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.hashtextextended(" + text +
           ", 0)), 16, '0') ELSE " + text + " END";
}

// Microseconds as a double, then days. For the years around the moment date_part() is exact to the
// microsecond and far quicker than extract(), which is exact always.
std::string Age(const Attribute& attribute, const std::string& moment) {
    const std::string time = "(" + attribute.sql + ")";
    return "CASE WHEN " + time + " > " + moment + " - interval '50 years' AND " + time + " < " + moment +
           " + interval '50 years' THEN pg_catalog.round(pg_catalog.date_part('epoch', " + moment + " - " +
           time + ") * 1000000) / 86400000000.0::float8 WHEN " + time +
           " = 'infinity' THEN '-Infinity'::float8 WHEN " + time +
           " = '-infinity' THEN 'Infinity'::float8 ELSE ((extract(epoch FROM " + moment +
           ") - extract(epoch FROM " + time + ")) * 1000000)::float8 / 86400000000.0::float8 END";
}

// The bucket of a positive number in the usual range, found by bisection; of any other its BucketOf(), from
// its bytes. Numbers of the first kind lie above all of the second.
constexpr double kUsualLow = 0x1p-4, kUsualHigh = 0x1p24;
constexpr int kUsualBuckets = 1'000'000;

const std::string& UsualBorders() {
    static const std::string borders = [] {
        std::string list;
        for (uint32_t bucket = BucketOf(kUsualLow); bucket < BucketOf(kUsualHigh); ++bucket) {
            char text[32];
            std::snprintf(text, sizeof text, "%s%.17g", list.empty() ? "" : ",", BorderOf(bucket));
            list += text;
        }
        return "'{" + list + "}'::float8[]";
    }();
    return borders;
}

// 0 means -infinity, which has no bucket.
std::string Bucket(const std::string& x) {
    const std::string bytes = "pg_catalog.float8send(" + x + ")";
    const auto byte = [&](int i) { return "pg_catalog.get_byte(" + bytes + ", " + std::to_string(i) + ")"; };
    const std::string magnitude =
        "(((" + byte(0) + " & 127) << 10) | (" + byte(1) + " << 2) | (" + byte(2) + " >> 6))";
    return "CASE WHEN " + x + " >= 0.0625::float8 AND " + x + " < 16777216::float8 THEN " +
           std::to_string(kUsualBuckets) + " + pg_catalog.width_bucket(" + x + ", " + UsualBorders() +
           ") WHEN " + x + " >= 0 THEN 131072 + " + magnitude + " WHEN " + x +
           " = '-Infinity' THEN 0 ELSE 131072 - " + magnitude + " - CASE WHEN (" + byte(2) +
           " & 63) = 0 AND pg_catalog.substring(" + bytes +
           ", 4) = '\\x0000000000'::bytea THEN 0 ELSE 1 END END";
}

// The select list of a level.
class SelectList {
  public:
    void Add(const std::string& expression, const std::string& name) {
        text_ += (text_.empty() ? "SELECT " : ", ") + expression + " AS " + name;
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

std::string Name(const char* prefix, size_t i) {
    return prefix + std::to_string(i);
}

// " GROUP BY " some lists of columns, each a grouping set. A single one is no set, so that it can run in
// parallel.
std::string GroupBy(const std::vector<std::string>& sets) {
    if (sets.size() == 1) return " GROUP BY " + sets[0];
    std::string text;
    for (const std::string& set : sets) text += (text.empty() ? "(" : "), (") + set;
    return " GROUP BY GROUPING SETS (" + text + "))";
}

std::string Flags(const MemberQuery& query, const MeasureSpec& spec) {
    const std::string since = "'" + FormatMoment(spec.moment - spec.inactive_after) + "'::timestamptz";
    std::string flags = "CASE WHEN (" + query.key + ") IS NULL THEN 4 ELSE 0 END";
    if (query.converted) flags += " + CASE WHEN " + *query.converted + " THEN 1 ELSE 0 END";
    if (query.last_active)
        flags += " + CASE WHEN " + *query.last_active + " >= " + since + " THEN 0 ELSE 2 END";
    return flags;
}

std::string Members(const MemberQuery& query) {
    return " FROM " + query.MembersFrom() + " WHERE " + query.Where();
}

// ---- the scan of the members and their labels ----

// Groups g of members: by flags f, hash h and the labels k… of the first set, then by the labels of each
// other set. Only the smallest hashes are told apart.
std::string LabelGroups(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                        const FallbackScan& scan) {
    SelectList values, groups;
    std::vector<std::string> sets;
    if (scan.members) {
        values.Add(Flags(query, spec), "f");
        values.Add("LEAST(" + HashOf(query) + ", " + Bigint(theta ^ kHashSign) + ")", "h");
        sets.push_back("v.f, v.h");
        groups.Add("v.f", "f");
        groups.Add("v.h", "h");
    }
    std::string number = "CASE";
    for (size_t set = 0; set < scan.labels.size(); ++set) {
        if (set >= sets.size()) sets.emplace_back();
        for (const size_t i : scan.labels[set].attributes) {
            const Attribute& attribute = query.attributes[i];
            const std::string name = "v." + Name("k", i);
            values.Add(
                scan.labels[set].few ? "(" + attribute.sql + ")::text COLLATE \"C\"" : Label(attribute),
                Name("k", i));
            groups.Add(name, Name("k", i));
            sets[set] += (sets[set].empty() ? "" : ", ") + name;
        }
        if (!scan.labels[set].attributes.empty())
            number += " WHEN GROUPING(v." + Name("k", scan.labels[set].attributes[0]) + ") = 0 THEN " +
                      std::to_string(set);
    }
    groups.Add(sets.size() == 1 ? "0" : number + " ELSE 0 END", "s");
    groups.Add("pg_catalog.count(*)", "members");
    return groups.text() + " FROM (" + values.text() + Members(query) +
           (scan.distributed ? "" : " OFFSET 0") + ") AS v" + GroupBy(sets);
}

// The counts of one attribute, of which only the highest travel. One more than are kept: the group without a
// value takes a place, too.
std::string LabelCounts(const MeasureSpec& spec, const Attribute& attribute, size_t i, size_t set) {
    Attribute grouped = attribute;
    grouped.sql = "g." + Name("k", i);
    return "SELECT l.part, l.value, l.members, l.different FROM (SELECT " + std::to_string(i) +
           " AS part, n.value, n.members, pg_catalog.count(n.value) OVER () AS different, "
           "pg_catalog.row_number() OVER (ORDER BY n.members DESC, n.value) AS place FROM (SELECT " +
           Label(grouped) + " AS value, pg_catalog.sum(g.members)::bigint AS members FROM g WHERE g.s = " +
           std::to_string(set) + " GROUP BY 1) AS n) AS l WHERE l.value IS NULL OR l.place <= " +
           std::to_string(spec.several ? ValueCounts::kCapacity : spec.max_values + 1);
}

std::string LabelSql(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                     const FallbackScan& scan) {
    std::string counts;
    const auto add = [&](const std::string& branch) {
        counts += (counts.empty() ? "" : " UNION ALL ") + branch;
    };
    if (scan.members) {
        add("SELECT -2 AS part, g.f::text AS value, pg_catalog.sum(g.members)::bigint AS members, 0::bigint AS "
            "different FROM g WHERE g.s = 0 GROUP BY g.f");
        // One more than the sketch holds: the hash above it is its limit.
        add("SELECT -1, pg_catalog.array_agg(n.h)::text, NULL::bigint, NULL::bigint FROM (SELECT g.h FROM g WHERE "
            "g.s = 0 AND g.f < 4 AND g.h < " +
            Bigint(theta ^ kHashSign) + " GROUP BY g.h ORDER BY g.h LIMIT " +
            std::to_string(spec.sketch_size + 1) + ") AS n");
    }
    for (size_t set = 0; set < scan.labels.size(); ++set)
        for (const size_t i : scan.labels[set].attributes)
            add(LabelCounts(spec, query.attributes[i], i, set));
    return "WITH g AS MATERIALIZED (" + LabelGroups(query, spec, theta, scan) +
           ") SELECT r.part, r.value, r.members, r.different, NULL::float8, NULL::float8, NULL::float8, "
           "NULL::float8 FROM (" +
           counts + ") AS r (part, value, members, different)";
}

// ---- a scan of numbers ----

// An aggregate of the attribute whose grouping set a row is of.
std::string OfNumbers(const FallbackScan& scan, const std::string& function, const char* argument) {
    const auto call = [&](size_t i) { return "pg_catalog." + function + "(b." + Name(argument, i) + ")"; };
    if (scan.numbers.size() == 1) return call(scan.numbers[0]);
    std::string cases;
    for (const size_t i : scan.numbers) cases += " WHEN GROUPING(b." + Name("k", i) + ") = 0 THEN " + call(i);
    return "CASE" + cases + " END";
}

// OFFSET 0 keeps the levels apart, so that nothing is computed twice.
std::string NumberSql(const MemberQuery& query, const MeasureSpec& spec, const FallbackScan& scan) {
    const std::string apart = scan.distributed ? "" : " OFFSET 0";
    SelectList values, buckets, groups;
    std::vector<std::string> sets;
    std::string part, value;
    for (const size_t i : scan.numbers) {
        const Attribute& attribute = query.attributes[i];
        const std::string x = "v." + Name("x", i), k = "b." + Name("k", i);
        values.Add(attribute.kind == AttributeKind::kTimestamp ? Age(attribute, spec.now_sql) : attribute.sql,
                   Name("x", i));
        buckets.Add(Bucket(x), Name("k", i));
        buckets.Add(x, Name("x", i));
        // Squares of larger numbers would overflow; such numbers are hardly measurements, so the extremes
        // suffice.
        buckets.Add("CASE WHEN pg_catalog.abs(" + x + ") < 1e120 THEN " + x + " END", Name("y", i));
        sets.push_back(k);
        part += " WHEN GROUPING(" + k + ") = 0 THEN " + std::to_string(i);
        value += (value.empty() ? "" : ", ") + k;
    }
    groups.Add(sets.size() == 1 ? std::to_string(scan.numbers[0]) : "CASE" + part + " END", "part");
    groups.Add("coalesce(" + value + ")", "value");
    groups.Add("pg_catalog.count(*)", "members");
    groups.Add(OfNumbers(scan, "min", "x"), "lowest");
    groups.Add(OfNumbers(scan, "max", "x"), "highest");
    groups.Add(OfNumbers(scan, "avg", "y"), "mean");
    groups.Add(OfNumbers(scan, "var_pop", "y"), "variance");
    return "SELECT g.part, g.value::text, g.members, 0::bigint, g.lowest, g.highest, g.mean, g.variance FROM (" +
           groups.text() + " FROM (" + buckets.text() + " FROM (" + values.text() + Members(query) + apart +
           ") AS v" + apart + ") AS b" + GroupBy(sets) + ") AS g";
}

}  // namespace

uint64_t ThetaFor(double members, double wanted) {
    if (!(members > wanted)) return Sketch::kEverything;
    return static_cast<uint64_t>(std::ldexp(wanted / members, 64));
}

bool HasLabel(const Attribute& attribute) {
    return Labelled(attribute);
}

std::string LabelGroupsSql(const MemberQuery& query, const Attribute& attribute) {
    return "SELECT" + Members(query) + " GROUP BY (" + attribute.sql + ")";
}

std::vector<FallbackScan> PlanFallbackScans(const MemberQuery& query, const std::vector<double>& groups,
                                            bool distributed) {
    constexpr size_t kNumbersPerScan = 4;
    constexpr double kFewGroups = 20'000;
    FallbackScan members{.members = true, .distributed = distributed};
    members.labels.emplace_back();
    std::vector<FallbackScan> scans, more;
    double joint = 1;
    for (size_t i = 0; i < query.attributes.size(); ++i) {
        if (!Labelled(query.attributes[i])) {
            if (more.empty() || distributed || more.back().numbers.size() == kNumbersPerScan)
                more.push_back({.members = false, .distributed = distributed});
            more.back().numbers.push_back(i);
            continue;
        }
        const double these = std::max(1.0, groups.at(i));
        if (distributed) {
            FallbackScan& scan = scans.emplace_back(FallbackScan{.members = false, .distributed = true});
            scan.labels.push_back({{i}, false});
        } else if (joint * these <= kFewGroups) {
            joint *= these;
            members.labels[0].attributes.push_back(i);
        } else {
            members.labels.push_back({{i}, these <= kFewGroups});
        }
    }
    scans.insert(scans.begin(), members);
    scans.insert(scans.end(), more.begin(), more.end());
    return scans;
}

std::string FallbackSql(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                        const FallbackScan& scan) {
    return scan.numbers.empty() ? LabelSql(query, spec, theta, scan) : NumberSql(query, spec, scan);
}

std::string FallbackSketchSql(const MemberQuery& query, const MeasureSpec& spec) {
    return "SELECT DISTINCT v.h FROM (SELECT " + HashOf(query) + " AS h FROM " + query.MembersFrom() +
           " WHERE " + query.Where() + ") AS v WHERE v.h < " + Bigint(Sketch::kEverything ^ kHashSign) +
           " ORDER BY v.h LIMIT " + std::to_string(spec.sketch_size + 1);
}

}  // namespace pulse::snapshot
