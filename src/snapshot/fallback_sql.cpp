#include "pulse/snapshot/fallback_sql.hpp"

#include <cmath>

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

// BucketOf() of the double x whose bytes are b. 0 means -infinity, which has no bucket.
std::string Bucket(const std::string& x, const std::string& b) {
    const auto byte = [&](int i) { return "pg_catalog.get_byte(" + b + ", " + std::to_string(i) + ")"; };
    const std::string magnitude =
        "(((" + byte(0) + " & 127) << 10) | (" + byte(1) + " << 2) | (" + byte(2) + " >> 6))";
    return "CASE WHEN " + x + " >= 0 THEN 131072 + " + magnitude + " WHEN " + x +
           " = '-Infinity' THEN 0 ELSE 131072 - " + magnitude + " - CASE WHEN (" + byte(2) +
           " & 63) = 0 AND pg_catalog.substring(" + b + ", 4) = '\\x0000000000'::bytea THEN 0 ELSE 1 END END";
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

// Per member: f flags, h hash, k… labels, x… numbers. OFFSET 0 keeps the levels apart, so that nothing is
// computed twice and the planner, which knows nothing of the values of expressions, chooses hashing for all
// grouping sets.
std::string Values(const MemberQuery& query, const MeasureSpec& spec, const FallbackScan& scan) {
    const std::string since = "'" + FormatMoment(spec.moment - spec.inactive_after) + "'::timestamptz";
    std::string flags = "CASE WHEN (" + query.key + ") IS NULL THEN 4 ELSE 0 END";
    if (query.converted) flags += " + CASE WHEN " + *query.converted + " THEN 1 ELSE 0 END";
    if (query.last_active)
        flags += " + CASE WHEN " + *query.last_active + " >= " + since + " THEN 0 ELSE 2 END";
    SelectList list;
    list.Add(scan.members ? flags : "NULL::integer", "f");
    list.Add(scan.members ? HashOf(query) : "NULL::bigint", "h");
    for (const size_t i : scan.attributes) {
        const Attribute& attribute = query.attributes[i];
        if (Labelled(attribute))
            list.Add(Label(attribute), Name("k", i));
        else
            list.Add(
                attribute.kind == AttributeKind::kTimestamp ? Age(attribute, spec.now_sql) : attribute.sql,
                Name("x", i));
    }
    return list.text() + " FROM " + query.MembersFrom() + " WHERE " + query.Where() + " OFFSET 0";
}

// The same with the bytes b… of the numbers.
std::string Bytes(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                  const FallbackScan& scan) {
    SelectList list;
    list.Add("v.f", "f");
    list.Add("CASE WHEN v.h < " + Bigint(theta ^ kHashSign) + " THEN v.h END", "h");
    for (const size_t i : scan.attributes) {
        if (Labelled(query.attributes[i])) {
            list.Add(Name("v.k", i), Name("k", i));
        } else {
            list.Add(Name("v.x", i), Name("x", i));
            list.Add("pg_catalog.float8send(" + Name("v.x", i) + ")", Name("b", i));
        }
    }
    return list.text() + " FROM (" + Values(query, spec, scan) + ") AS v OFFSET 0";
}

// The same with the grouping keys f, h, k…
std::string Keys(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                 const FallbackScan& scan) {
    SelectList list;
    list.Add("b.f", "f");
    list.Add("b.h", "h");
    for (const size_t i : scan.attributes) {
        if (Labelled(query.attributes[i])) {
            list.Add(Name("b.k", i), Name("k", i));
            continue;
        }
        const std::string x = Name("b.x", i);
        list.Add(Bucket(x, Name("b.b", i)), Name("k", i));
        list.Add(x, Name("x", i));
        // Squares of larger numbers would overflow; such numbers are hardly measurements, so the extremes
        // suffice.
        list.Add("CASE WHEN pg_catalog.abs(" + x + ") < 1e120 THEN " + x + " END", Name("y", i));
    }
    return list.text() + " FROM (" + Bytes(query, spec, theta, scan) + ") AS b OFFSET 0";
}

// An aggregate of the attribute whose grouping set a row is of, null for others.
std::string OfNumbers(const MemberQuery& query, const FallbackScan& scan, const char* function,
                      const char* argument) {
    std::string cases;
    for (const size_t i : scan.attributes)
        if (!Labelled(query.attributes[i]))
            cases += " WHEN GROUPING(" + Name("m.k", i) + ") = 0 THEN pg_catalog." + function + "(" +
                     Name(argument, i) + ")";
    return cases.empty() ? "NULL::float8" : "CASE" + cases + " END";
}

std::string Groups(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                   const FallbackScan& scan) {
    std::string part = "CASE", value = "coalesce(NULL::text", sets;
    if (scan.members) {
        part += " WHEN GROUPING(m.f) = 0 THEN -2 WHEN GROUPING(m.h) = 0 THEN -1";
        value += ", m.f::text";
        sets = "(m.f), (m.h)";
    }
    for (const size_t i : scan.attributes) {
        part += " WHEN GROUPING(" + Name("m.k", i) + ") = 0 THEN " + std::to_string(i);
        value += ", " + Name("m.k", i) + "::text";
        sets += (sets.empty() ? "(" : ", (") + Name("m.k", i) + ")";
    }
    SelectList list;
    list.Add(part + " END", "part");
    list.Add(value + ") COLLATE \"C\"", "value");
    list.Add(scan.members ? "m.h" : "NULL::bigint", "h");
    list.Add("pg_catalog.count(*)", "members");
    list.Add(OfNumbers(query, scan, "min", "m.x"), "lowest");
    list.Add(OfNumbers(query, scan, "max", "m.x"), "highest");
    list.Add(OfNumbers(query, scan, "avg", "m.y"), "mean");
    list.Add(OfNumbers(query, scan, "var_pop", "m.y"), "variance");
    return list.text() + " FROM (" + Keys(query, spec, theta, scan) + ") AS m GROUP BY GROUPING SETS (" +
           sets + ")";
}

}  // namespace

uint64_t ThetaFor(double members, double wanted) {
    if (!(members > wanted)) return Sketch::kEverything;
    return static_cast<uint64_t>(std::ldexp(wanted / members, 64));
}

std::vector<FallbackScan> PlanFallbackScans(const MemberQuery& query) {
    constexpr size_t kNumbersPerScan = 4;
    FallbackScan labels{true, {}};
    std::vector<size_t> numbers;
    for (size_t i = 0; i < query.attributes.size(); ++i)
        (Labelled(query.attributes[i]) ? labels.attributes : numbers).push_back(i);
    std::vector<FallbackScan> scans{labels};
    if (numbers.size() <= kNumbersPerScan) {
        scans[0].attributes.insert(scans[0].attributes.end(), numbers.begin(), numbers.end());
        return scans;
    }
    for (size_t i = 0; i < numbers.size(); ++i) {
        if (i % kNumbersPerScan == 0) scans.push_back({false, {}});
        scans.back().attributes.push_back(numbers[i]);
    }
    return scans;
}

std::string FallbackSql(const MemberQuery& query, const MeasureSpec& spec, uint64_t theta,
                        const FallbackScan& scan) {
    std::string labelled;
    for (const size_t i : scan.attributes)
        if (Labelled(query.attributes[i])) labelled += (labelled.empty() ? "" : ", ") + std::to_string(i);
    // One more of each: the hash above the sketch is its limit, and the group without a value takes a place,
    // too.
    std::string travels = "CASE WHEN r.part = -1 THEN r.place <= " + std::to_string(spec.sketch_size + 1);
    if (!labelled.empty())
        travels += " WHEN r.part IN (" + labelled + ") THEN r.value IS NULL OR r.place <= " +
                   std::to_string(spec.several ? ValueCounts::kCapacity : spec.max_values + 1);
    return "SELECT r.part, r.value, r.h, r.members, r.different, r.lowest, r.highest, r.mean, r.variance "
           "FROM ("
           "SELECT g.*, pg_catalog.count(g.value) OVER (PARTITION BY g.part) AS different, "
           "pg_catalog.row_number() OVER "
           "(PARTITION BY g.part ORDER BY g.h, g.members DESC, g.value) AS place FROM (" +
           Groups(query, spec, theta, scan) + ") AS g) AS r WHERE " + travels +
           " ELSE true END ORDER BY r.part, r.place";
}

std::string FallbackSketchSql(const MemberQuery& query, const MeasureSpec& spec) {
    return "SELECT DISTINCT v.h FROM (SELECT " + HashOf(query) + " AS h FROM " + query.MembersFrom() +
           " WHERE " + query.Where() + ") AS v WHERE v.h < " + Bigint(Sketch::kEverything ^ kHashSign) +
           " ORDER BY v.h LIMIT " + std::to_string(spec.sketch_size + 1);
}

}  // namespace pulse::snapshot
