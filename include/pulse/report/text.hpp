// Sentences and figures of a report, for HTML and for mail alike. Pure C++.
#pragma once

#include "pulse/report/figures.hpp"

namespace pulse::report {

// Its title, as in its heading and in the subject of a mail.
std::string TitleOf(const Figures& figures);
// What is wrong now.
std::string Headline(const Figures& figures);
// What changed since the period before.
std::string ChangeSentence(const Figures& figures);
// critical, high, medium, low or fine: the worst of what is wrong now.
std::string Mood(const Figures& figures);

// From when until when, in the report's time zone.
std::string PeriodText(const Figures& figures);

// "+12.3 %", "±0 %", "new" without a value before.
std::string ChangeText(const std::optional<double>& change);
std::string Percent(double share);
std::string RoundPercent(double share);  // without a decimal place
std::string SpanText(int64_t microseconds);
// What an incident is: "size change, down 42.0 %".
std::string IncidentText(const IncidentFigures& incident);
// 1,234 or –.
std::string Count(const std::optional<int64_t>& number);
std::string BandText(const SegmentFigures& segment);

// "pulse-report-2026-W48.html", or with the day for a daily report.
std::string FileName(const Figures& figures, bool weekly);

}  // namespace pulse::report
