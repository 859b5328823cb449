// Cases for the tests of the diagnosis: a segment that had a quiet history until something was done to it.
#pragma once

#include <algorithm>

#include "pulse/diagnosis/diagnosis.hpp"

namespace pulse::diagnosis {

inline snapshot::Distribution Values(const std::string& attribute,
                                     const std::map<std::string, int64_t>& counts, int64_t nulls = 0,
                                     int64_t other = 0) {
    snapshot::Distribution d;
    d.attribute = attribute;
    d.nulls = nulls;
    d.other = other;
    d.total = nulls + other;
    for (const auto& [label, count] : counts) {
        d.labels.push_back(label);
        d.counts.push_back(count);
        d.total += count;
    }
    return d;
}

inline constexpr Moment kDayOne = 9'000 * kDay;

inline SegmentSnapshot MakeSnapshot(int64_t size, Moment at) {
    SegmentSnapshot snapshot;
    snapshot.size = size;
    snapshot.taken_at = at;
    snapshot.id = at / kDay;
    return snapshot;
}

// Ten quiet days of `before` members with 2 % coming and going, then one day with `after`.
inline DiagnosisInput MakeCase(int64_t before, int64_t after, const std::string& detector = "size_change",
                               const std::string& attribute = "") {
    DiagnosisInput input;
    input.incident = 7;
    input.segment = "High-Value Users";
    input.detector = detector;
    input.attribute = attribute;
    input.severity = "high";
    input.status = "open";
    input.definition = {{"from", "app.users"}, {"key", "user_id"}, {"where", "ltv > 1000"}};
    input.relation = "app.users";
    input.words = segment::MakeMemberWords(true, "");
    input.source = "app.users AS s";
    for (int day = 0; day < 10; ++day)
        input.history.push_back(
            {kDayOne + day * kDay, before + (day * 37) % 11 - 5, {}, {}, before / 50, before / 50});
    input.history.back().size = before;
    input.since = kDayOne + 10 * kDay;
    const int64_t lost = std::max<int64_t>(0, before - after), won = std::max<int64_t>(0, after - before);
    input.history.push_back({input.since, after, {}, {}, before / 50 + won, before / 50 + lost});
    input.before = MakeSnapshot(before, input.since - kDay);
    input.after = MakeSnapshot(after, input.since);
    return input;
}

inline std::optional<Hypothesis> Find(const Diagnosis& found, Cause cause) {
    for (const Hypothesis& hypothesis : found.hypotheses)
        if (hypothesis.cause == cause) return hypothesis;
    return std::nullopt;
}

inline bool Says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::optional<Recommendation> Advice(const Diagnosis& found, const std::string& part) {
    for (const Recommendation& advice : found.recommendations)
        if (Says(advice.sql, part)) return advice;
    return std::nullopt;
}

}  // namespace pulse::diagnosis
