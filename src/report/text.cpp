#include "pulse/report/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pulse/base/number.hpp"

namespace pulse::report {

namespace {

constexpr std::array<const char*, 4> kSeverities = {"critical", "high", "medium", "low"};

std::string LocalText(Moment moment, const OffsetAt& offset) {
    return FormatMoment(moment + (offset ? offset(moment) : 0));
}

// "1 incident", "3 incidents".
std::string Number(int64_t count, const std::string& one, const std::string& many) {
    return Thousands(count) + " " + (count == 1 ? one : many);
}

std::string And(const std::vector<std::string>& parts) {
    std::string text;
    for (size_t i = 0; i < parts.size(); ++i)
        text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return text;
}

// Of the segments that are outside; null if none is.
const SegmentFigures* LargestChange(const Figures& figures) {
    const SegmentFigures* largest = nullptr;
    for (const SegmentFigures& segment : figures.segments.rows)
        if (segment.outside() && segment.change() &&
            (!largest || std::fabs(*segment.change()) > std::fabs(*largest->change())))
            largest = &segment;
    return largest;
}

// The ISO year and week of a day, counted from 2000-01-01 (a Saturday).
std::pair<int, int> IsoWeek(int64_t day) {
    const int64_t weekday = ((day + 5) % 7 + 7) % 7;  // Monday is 0
    const int64_t thursday = day - weekday + 3;
    const int year = std::stoi(FormatDate(thursday * kDay).substr(0, 4));
    const int64_t first = [&] {
        int64_t begin = thursday;
        while (std::stoi(FormatDate((begin - 1) * kDay).substr(0, 4)) == year) --begin;
        return begin;
    }();
    return {year, static_cast<int>((thursday - first) / 7) + 1};
}

}  // namespace

std::optional<double> SegmentFigures::change() const {
    if (!size || !size_before || *size_before == 0) return std::nullopt;
    return static_cast<double>(*size) / static_cast<double>(*size_before) - 1;
}

bool SegmentFigures::outside() const {
    if (!size || !band) return false;
    const auto value = static_cast<double>(*size);
    return value < band->low || value > band->high;
}

std::string Figures::Local(Moment moment) const {
    return LocalText(moment, offset).substr(0, 16);
}

std::string Figures::LocalDay(Moment moment) const {
    return LocalText(moment, offset).substr(0, 10);
}

std::string TitleOf(const Figures& figures) {
    if (!figures.options.title.empty()) return figures.options.title;
    return "Pulse report of " + figures.database;
}

std::string PeriodText(const Figures& figures) {
    return figures.Local(figures.period.from) + " to " + figures.Local(figures.period.until) + " (" +
           figures.zone + ")";
}

std::string Mood(const Figures& figures) {
    for (size_t i = 0; i < kSeverities.size(); ++i)
        if (figures.counts.live_by_severity[i] > 0) return kSeverities[i];
    return figures.outside > 0 ? "low" : "fine";
}

std::string Headline(const Figures& figures) {
    const IncidentCounts& counts = figures.counts;
    std::vector<std::string> wrong;
    for (size_t i = 0; i < kSeverities.size(); ++i)
        if (counts.live_by_severity[i] > 0)
            wrong.push_back(Thousands(counts.live_by_severity[i]) + " " + kSeverities[i]);
    std::string text =
        wrong.empty() ? "No incident is live."
                      : Number(counts.live, "incident is", "incidents are") + " live: " + And(wrong) + ".";
    if (figures.outside > 0)
        text += " " + Number(figures.outside, "segment is", "segments are") + " outside the expected size.";
    if (const SegmentFigures* largest = LargestChange(figures))
        return text + " The largest change: " + Brief(largest->name, 80) + ", " +
               ChangeText(largest->change()) + ".";
    if (!figures.incidents.rows.empty() && figures.incidents.rows.front().live()) {
        const IncidentFigures& worst = figures.incidents.rows.front();
        text += " The worst: " + Brief(worst.subject, 80) + ", " + IncidentText(worst) + ".";
    }
    return text;
}

std::string ChangeSentence(const Figures& figures) {
    const IncidentCounts& counts = figures.counts;
    std::string text = Number(counts.opened, "incident", "incidents") + " opened in this period, ";
    text += counts.opened == counts.opened_before
                ? "as many as in the period before"
                : Thousands(std::abs(counts.opened - counts.opened_before)) +
                      (counts.opened > counts.opened_before ? " more" : " fewer") +
                      " than in the period before";
    text += "; " + Thousands(counts.closed) + (counts.closed == 1 ? " was" : " were") + " closed.";
    if (figures.options.Has("events") && figures.events.hidden.empty() && figures.events_before > 0) {
        const double change =
            static_cast<double>(figures.events_total) / static_cast<double>(figures.events_before) - 1;
        text += " " + Number(figures.events_total, "event", "events") + " came in, " + ChangeText(change) +
                " against the period before.";
    }
    return text;
}

std::string Percent(double share) {
    if (!std::isfinite(share)) return "–";
    char text[40];
    std::snprintf(text, sizeof text, "%.1f %%", share * 100);
    return text;
}

std::string RoundPercent(double share) {
    return std::isfinite(share) ? std::to_string(std::llround(share * 100)) + " %" : "–";
}

std::string ChangeText(const std::optional<double>& change) {
    if (!change || !std::isfinite(*change)) return "–";
    if (std::fabs(*change) < 0.0005) return "±0 %";
    return (*change > 0 ? "+" : "−") + Percent(std::fabs(*change));
}

std::string SpanText(int64_t microseconds) {
    const int64_t minutes = std::max<int64_t>(microseconds, 0) / kMinute;
    if (minutes < 1) return "less than a minute";
    if (minutes < 120) return Plural(minutes, "minute");
    if (minutes < 48 * 60) return Plural(minutes / 60, "hour");
    return Plural(minutes / (24 * 60), "day");
}

std::string IncidentText(const IncidentFigures& incident) {
    std::string text = incident.detector;
    std::replace(text.begin(), text.end(), '_', ' ');
    if (!incident.attribute.empty()) text += " of " + Brief(incident.attribute, 60);
    if (incident.change && std::isfinite(*incident.change))
        text += incident.direction == "changed" ? ", " + Percent(std::fabs(*incident.change))
                                                : (incident.direction == "down" ? ", down " : ", up ") +
                                                      Percent(std::fabs(*incident.change));
    return text;
}

std::string Count(const std::optional<int64_t>& number) {
    return number ? Thousands(*number) : "–";
}

std::string BandText(const SegmentFigures& segment) {
    if (!segment.band) return "–";
    return Thousands(std::llround(segment.band->low)) + " to " + Thousands(std::llround(segment.band->high));
}

std::string FileName(const Figures& figures, bool weekly) {
    const Moment last = figures.period.until - 1, local = last + (figures.offset ? figures.offset(last) : 0);
    if (!weekly) return "pulse-report-" + FormatDate(local) + ".html";
    const auto [year, week] = IsoWeek(FloorTo(local, kDay) / kDay);
    char text[40];
    std::snprintf(text, sizeof text, "pulse-report-%04d-W%02d.html", year, week);
    return text;
}

}  // namespace pulse::report
