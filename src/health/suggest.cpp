#include "pulse/health/suggest.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::health {

namespace {

constexpr size_t kMaxColumnsSuggested = 5;  // per type of check
constexpr double kNearlyNever = 0.01;       // share of nulls that counts as hardly ever null
constexpr double kLimitFactor = 2;          // the suggested limit, as a multiple of the current share
constexpr size_t kFewValues = 10;

void SuggestFreshness(const TableFacts& facts, const ReadLimits& limits, std::vector<Suggestion>& list) {
    const CatalogColumn* column = ArrivalColumn(facts);
    if (!column) return;
    if (facts.rows > limits.row_limit && !facts.IndexOn(column->name)) return;
    std::string why = column->name + " is the time at which a row arrived";
    if (facts.IndexOn(column->name))
        why += ", and an index finds the newest row at no cost";
    else if (column->correlation && *column->correlation > 0.9)
        why += "; the rows are stored in its order";
    list.push_back({{{"type", "freshness"}, {"column", column->name}},
                    why + "; the limit is learnt from the usual intervals"});
}

void SuggestUnique(const TableFacts& facts, const ReadLimits& limits, std::vector<Suggestion>& list) {
    for (const IndexFacts& index : facts.indexes)
        if (index.unique) return;  // the index already guarantees uniqueness
    if (facts.rows > limits.row_limit) return;
    for (const CatalogColumn& column : facts.columns) {
        const bool named = column.name == "id" || column.name.ends_with("_id") || column.name == "key";
        if (!named || !column.distinct || *column.distinct > -0.999) continue;
        list.push_back({{{"type", "unique"}, {"columns", {column.name}}},
                        column.name + " has no duplicates, though no constraint guarantees it"});
        return;
    }
}

void SuggestNulls(const TableFacts& facts, std::vector<Suggestion>& list) {
    size_t count = 0;
    for (const CatalogColumn& column : facts.columns) {
        if (column.not_null || !column.null_share || *column.null_share > kNearlyNever ||
            count == kMaxColumnsSuggested)
            continue;
        const double limit = std::max(0.01, std::ceil(*column.null_share * kLimitFactor * 1000) / 1000);
        list.push_back({{{"type", "null_rate"}, {"column", column.name}, {"max", limit}},
                        column.name + " is hardly ever null (" + Percentage(*column.null_share) +
                            "), though it is nullable"});
        ++count;
    }
}

void SuggestValues(const TableFacts& facts, std::vector<Suggestion>& list) {
    size_t count = 0;
    for (const CatalogColumn& column : facts.columns) {
        const bool words = column.base == "text" || column.base.starts_with("character");
        if (!words || column.common.size() < 2 || column.common.size() > kFewValues ||
            count == kMaxColumnsSuggested)
            continue;
        std::vector<std::string> values = column.common;
        std::sort(values.begin(), values.end());
        list.push_back(
            {{{"type", "accepted_values"}, {"column", column.name}, {"values", values}},
             column.name + " has only " + Counted(static_cast<double>(values.size()), "different value")});
        ++count;
    }
}

void SuggestReferences(const TableFacts& facts, std::vector<Suggestion>& list) {
    for (const ForeignKey& key : facts.keys)
        if (!key.validated || !key.enforced)
            list.push_back(
                {{{"type", "references"}, {"column", key.column}, {"relation", key.relation}, {"to", key.to}},
                 "the foreign key of " + key.column +
                     (key.validated ? " is not enforced: its triggers are disabled"
                                    : " was never validated")});
}

}  // namespace

std::vector<Suggestion> Suggest(const TableFacts& facts, const ReadLimits& limits) {
    std::vector<Suggestion> list;
    SuggestFreshness(facts, limits, list);
    if (facts.sampled() || facts.rows <= limits.row_limit)
        list.push_back(
            {{{"type", "volume"}, {"anomaly", true}},
             facts.rows > limits.row_limit
                 ? "the catalog gives the size of a large table; a fall is detected from its own history"
                 : "counting " + Count(facts.rows) +
                       " rows is cheap; a fall is detected from its own history"});
    list.push_back(
        {{{"type", "schema"}}, "a changed column breaks its readers, and reading the catalog costs nothing"});
    SuggestUnique(facts, limits, list);
    SuggestNulls(facts, list);
    SuggestValues(facts, list);
    SuggestReferences(facts, list);
    return list;
}

}  // namespace pulse::health
