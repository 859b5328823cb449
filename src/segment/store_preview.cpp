// Previewing a definition.

#include "pulse/pg/settings.hpp"
#include "pulse/pg/error.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/cell.hpp"

namespace pulse::segment {

namespace {

constexpr int kTopValues = 3;

// SELECT member, a0, a1, …, converted, last_active: names that cannot collide with those of attributes.
std::string MemberRows(const MemberQuery& query) {
    std::string sql = "SELECT " + query.key + " AS member";
    for (size_t i = 0; i < query.attributes.size(); ++i)
        sql += ", " + query.attributes[i].sql + " AS a" + std::to_string(i);
    sql += ", " + query.converted.value_or("NULL::boolean") + " AS converted";
    sql += ", " + query.last_active.value_or("NULL::timestamptz") + " AS last_active";
    return sql + " FROM " + query.MembersFrom() + " WHERE " + query.Where();
}

std::string Percent(int64_t part, int64_t whole) {
    if (whole == 0) return "";
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%",
                  100.0 * static_cast<double>(part) / static_cast<double>(whole));
    return text;
}

std::string ShortNumber(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", number);
    return text;
}

class Previewer {
  public:
    Previewer(source::Reader& reader, const MemberQuery& query, int sample)
        : reader_(reader), query_(query), sample_(sample), members_(MemberRows(query)) {}

    std::vector<PreviewRow> Run() {
        Totals();
        for (size_t i = 0; i < query_.attributes.size(); ++i) {
            pg::CheckInterrupts();
            PreviewAttribute(i);
        }
        Sample();
        return std::move(rows_);
    }

  private:
    // One scan for all results without grouping.
    void Totals() {
        std::string sql =
            "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE m.converted), "
            "pg_catalog.count(*) FILTER (WHERE m.last_active IS NULL OR m.last_active < " +
            NowLiteral() + " - pg_catalog.make_interval(mins => " +
            std::to_string(pg::settings::inactive_after) + "))";
        for (size_t i = 0; i < query_.attributes.size(); ++i) {
            const std::string column = "m.a" + std::to_string(i);
            const AttributeKind kind = query_.attributes[i].kind;
            const auto extremes = [&](const std::string& filter) {
                return ", pg_catalog.min(" + column + ")" + filter + "::text, pg_catalog.max(" + column +
                       ")" + filter + "::text";
            };
            sql += ", pg_catalog.count(" + column + ")";
            if (kind == AttributeKind::kNumeric) {
                // As numeric: the sums of avg(double precision) overflow long before the mean does. As in a
                // snapshot, NaN is beside the numbers, and the mean is that of the finite ones.
                const std::string number = column + "::numeric";
                sql += extremes(" FILTER (WHERE " + number + " <> 'NaN')") + ", pg_catalog.avg(" + number +
                       ") FILTER (WHERE " + number + " > '-Infinity' AND " + number +
                       " < 'Infinity'), pg_catalog.count(*) FILTER (WHERE " + number + " = 'NaN')";
            } else {
                sql += (kind == AttributeKind::kTimestamp ? extremes("") : ", NULL::text, NULL::text") +
                       ", NULL::double precision, 0";
            }
        }
        const std::vector<source::Cell> row =
            reader_.Query(sql + " FROM (" + members_ + ") AS m").values.at(0);
        size_ = source::ToInteger(row[0]);
        const int64_t converted = source::ToInteger(row[1]), inactive = source::ToInteger(row[2]);
        rows_.push_back({"size", "", "", size_, std::nullopt});
        if (query_.converted) rows_.push_back({"converted", "", "", converted, Percent(converted, size_)});
        if (query_.last_active) rows_.push_back({"inactive", "", "", inactive, Percent(inactive, size_)});
        for (size_t i = 0; i < query_.attributes.size(); ++i) {
            const source::Cell* cell = &row[3 + 5 * i];
            facts_.push_back({source::ToInteger(cell[0]), source::ToInteger(cell[4]), cell[1], cell[2],
                              source::ToOptionalNumber(cell[3])});
        }
    }

    void PreviewAttribute(size_t i) {
        const Attribute& attribute = query_.attributes[i];
        const Facts& facts = facts_[i];
        if (attribute.kind == AttributeKind::kCategorical || attribute.kind == AttributeKind::kBoolean) {
            TopValues(i);
        } else if (facts.lowest) {
            std::string value = "from " + *facts.lowest + " to " + *facts.highest;
            if (facts.mean) value = "mean " + ShortNumber(*facts.mean) + ", " + value;
            Add(attribute, value, facts.values - facts.nans);
        }
        if (facts.nans > 0) Add(attribute, "(NaN)", facts.nans);
        if (facts.values < size_) Add(attribute, "(no value)", size_ - facts.values);
    }

    void TopValues(size_t i) {
        const std::string column = "m.a" + std::to_string(i);
        const source::Rows top =
            reader_.Query("SELECT " + column + "::text AS value, pg_catalog.count(*) AS members FROM (" +
                          members_ + ") AS m WHERE " + column +
                          " IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT " + std::to_string(kTopValues));
        int64_t rest = facts_[i].values;
        for (const auto& row : top.values) {
            const int64_t members = source::ToInteger(row[1]);
            Add(query_.attributes[i], row[0].value_or(""), members);
            rest -= members;
        }
        if (rest > 0) Add(query_.attributes[i], "(other values)", rest);
    }

    void Sample() {
        if (sample_ == 0) return;
        const source::Rows members = reader_.Query(
            "SELECT * FROM (" + members_ + ") AS m ORDER BY m.member::text LIMIT " + std::to_string(sample_));
        for (const auto& row : members.values) {
            pg::CheckInterrupts();
            std::string values;
            for (size_t i = 0; i < query_.attributes.size(); ++i)
                values += (i ? ", " : "") + query_.attributes[i].name + ": " + row[i + 1].value_or("-");
            rows_.push_back({"member", row[0].value_or("(no key)"), values, std::nullopt, std::nullopt});
        }
    }

    void Add(const Attribute& attribute, const std::string& value, int64_t members) {
        rows_.push_back({"attribute", attribute.name, value, members, Percent(members, size_)});
    }

    struct Facts {
        int64_t values, nans;  // not null, and NaN among them
        std::optional<std::string> lowest, highest;
        std::optional<double> mean;
    };

    source::Reader& reader_;
    const MemberQuery& query_;
    int sample_;
    std::string members_;
    int64_t size_ = 0;
    std::vector<Facts> facts_;
    std::vector<PreviewRow> rows_;
};

}  // namespace

std::vector<PreviewRow> Preview(const Request& asked, int sample) {
    constexpr int kMost = 1000;
    if (sample < 0 || sample > kMost)
        throw UserError(sqlstate::kInvalidParameter, "\"sample\" is out of range",
                        "It is " + std::to_string(sample) + ".",
                        "Give a number from 0 to " + std::to_string(kMost) + ".");
    if (!asked.sources.empty())
        throw UserError(sqlstate::kNotSupported, "a preview reads one source",
                        "The definition has " + SourceText(asked.sources) + ".",
                        "Give one of them as \"source\"; pulse_take_snapshot() measures all of them.");
    const source::Access access = AccessForCaller(asked);
    const ResolvedDefinition resolved = ResolveDefinition(asked, access, "", nullptr);
    std::vector<PreviewRow> rows;
    ReadAndRecord(access, "preview", "",
                  [&](source::Reader& reader) { rows = Previewer(reader, resolved.query, sample).Run(); });
    return rows;
}

}  // namespace pulse::segment
