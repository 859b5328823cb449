#include "hourly_counts.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::insight {

namespace {

constexpr double kBusy = 10;  // events an hour from which on single hours are judged
constexpr double kNoiseOfHour = 0.15, kNoiseOfDay = 0.08;  // before any is known

// What the clock shows at a moment, as if it were UTC; that of an end belongs to what ends.
Moment LocalStart(Moment moment, const OffsetAt& offset) {
    return moment + offset(moment);
}
Moment LocalEnd(Moment moment, const OffsetAt& offset) {
    return moment + offset(moment - 1);
}

// Whether a point belongs to no incident; what has settled is normal.
bool IsCalm(Moment moment, const std::vector<drift::Span>& spans) {
    return std::none_of(spans.begin(), spans.end(), [&](const drift::Span& span) {
        return span.end != drift::SpanEnd::kSettled && span.Contains(moment);
    });
}

}  // namespace

// What was imported is the history from before the source was live; after that it is left out.
HourlyCounts::HourlyCounts(const EventSeries& series, const CountCheck& check)
    : series_(series), check_(check), prompt_(IsPrompt(series)) {
    int64_t live = INT64_MAX;
    for (const HourCount& count : series_.hours)
        if ((prompt_ ? count.prompt : count.events - count.late) > 0) {
            live = count.hour;
            break;
        }
    if (live == INT64_MAX) return;  // only imports
    for (const HourCount& count : series_.hours) {
        if (count.hour < check_.oldest || count.hour > check_.last) continue;
        const int64_t on_time = prompt_ ? count.prompt : count.events - count.late;
        const int64_t number = count.hour < live ? count.events : on_time;
        if (number == 0) continue;
        if (counts_.empty()) {
            first_hour_ = count.hour;
            counts_.resize(static_cast<size_t>(check_.last - first_hour_ + 1));
        }
        counts_[static_cast<size_t>(count.hour - first_hour_)] = number;
    }
    int64_t sum = 0, hours = 0;
    for (int64_t hour = std::max(first_hour_, check_.last - 28 * 24 + 1);
         hour <= check_.last && !counts_.empty(); ++hour, ++hours)
        sum += At(hour);
    busy_ = hours > 0 && static_cast<double>(sum) >= kBusy * static_cast<double>(hours);
}

bool HourlyCounts::IsGap(int64_t hour) const {
    return hour >= check_.oldest && check_.gaps[static_cast<size_t>(hour - check_.oldest)];
}

drift::History HourlyCounts::NewHistory(Period period) const {
    const bool hours = period == Period::kHour;
    drift::History history;
    history.cadence = hours ? kHour : kDay;
    history.noise.sigma = hours ? kNoiseOfHour : kNoiseOfDay;
    for (drift::Span span : check_.muted) {
        span.from = LocalStart(span.from, check_.offset) + 1;
        if (span.to) span.to = LocalEnd(*span.to + 1, check_.offset);
        history.muted.push_back(span);
    }
    return history;
}

drift::Exclusions HourlyCounts::ExclusionsOf(const drift::IncidentTracker& tracker,
                                             const char* volume) const {
    drift::Exclusions exclusions;
    std::vector<drift::Span>& spans = exclusions[{drift::detector::kSizeChange, ""}];
    const auto add = [&](drift::Span span) {
        span.from = LocalStart(span.from, check_.offset) + 1;
        if (span.to) span.to = LocalEnd(*span.to, check_.offset);
        spans.push_back(span);
    };
    for (const auto& [fingerprint, own] : tracker.Excluded())
        if (fingerprint.attribute == series_.source &&
            (fingerprint.detector == volume || fingerprint.detector == drift::detector::kEventVanished))
            for (const drift::Span& span : own) add(span);
    for (const drift::Incident& incident : tracker.incidents())
        if (incident.new_normal && incident.finding.fingerprint.attribute == series_.source)
            add({incident.since, incident.last_seen_at, drift::SpanEnd::kSettled});
    return exclusions;
}

drift::History HourlyCounts::DaysUpTo(int64_t last_hour, int64_t hours_of_day) const {
    drift::History history = NewHistory(Period::kDay);
    // The first one may not be whole.
    const int64_t first_day =
        DayOf(first_hour_) + (first_hour_ > check_.oldest || LocalHour(first_hour_) % kDay != 0);
    int64_t hours = 0, gaps = 0;
    for (int64_t hour = first_hour_; hour <= last_hour; ++hour) {
        const Moment local = LocalHour(hour);
        const int64_t day = FloorTo(local, kDay) / kDay;
        if (day < first_day || local - day * kDay >= hours_of_day * kHour) continue;
        if (history.points.empty() || history.points.back().moment != (day + 1) * kDay) {
            hours = gaps = 0;
            history.points.emplace_back().moment = (day + 1) * kDay;
        }
        history.points.back().size += At(hour);
        ++hours;
        gaps += hour < check_.first && IsGap(hour);
        history.points.back().ok = 4 * gaps <= hours;
    }
    return history;
}

Moment HourlyCounts::LocalHour(int64_t hour) const {
    return FloorTo(LocalStart(hour * kHour, check_.offset), kHour);
}

std::vector<double> GridOf(const drift::History& history, const std::vector<drift::Span>& spans) {
    const std::vector<drift::Point>& points = history.points;
    std::vector<double> grid(static_cast<size_t>((points.back().moment - points.front().moment) / kHour),
                             std::nan(""));
    for (size_t i = 0; i + 1 < points.size(); ++i)
        if (points[i].ok && IsCalm(points[i].moment, spans) && IsCalm(points[i].moment, history.muted))
            grid[static_cast<size_t>((points[i].moment - points.front().moment) / kHour)] =
                static_cast<double>(points[i].size);
    return grid;
}

}  // namespace pulse::insight
