// How an incident is put into words, the same in every format. Pure C++.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pulse/delivery/mime.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/delivery/route.hpp"

namespace pulse::delivery {

// The story with every text cleaned and cut to what any message may hold of it.
IncidentSummary Cleaned(const IncidentSummary& summary);

// The stories cleaned, the worst first; of the same severity in the order given.
std::vector<IncidentSummary> WorstFirst(const std::vector<IncidentSummary>& summaries);

bool IsOver(const IncidentSummary& summary);  // resolved or ignored

// "size change" of size_change, "null rate" of table_null_rate; with the attribute where there is one.
std::string Detector(const IncidentSummary& summary);

// "High-Value Users: size change", with "table" before tables.
std::string Title(const IncidentSummary& summary);

// "High", "Resolved" …: what a line begins with.
std::string Label(const std::string& event, const IncidentSummary& summary);

// "High: High-Value Users: size change", or "5 incidents, 2 critical"; in at most `limit` units.
std::string Headline(const Envelope& envelope, const std::vector<IncidentSummary>& summaries, size_t limit);

// "Open since 3 h; nobody has acknowledged it." of an escalation, "Lasted 2 d 3 h …" of what is over; may be
// empty.
std::string Remark(const Envelope& envelope, const IncidentSummary& summary);

// Baseline and observation with their units; empty when unknown. "10,000 people", "12 %", "6 h 12 min".
std::string Before(const IncidentSummary& summary);
std::string Now(const IncidentSummary& summary);
// "-42 %"; empty when the figure is not relative.
std::string Change(const IncidentSummary& summary);
// "10,000 people before, 5,800 now (-42 %)"; may be empty.
std::string Figures(const IncidentSummary& summary);

// What is known of it, by name: before, now, people lost, since and so on; without what is unknown.
std::vector<std::pair<std::string, std::string>> Facts(const IncidentSummary& summary);

// "The column plan was renamed (87 % confidence, first diagnosis)".
std::string Confidence(const IncidentSummary& summary);

// A coloured circle, the hexadecimal colour of the severity, and of what is over.
const char* Mark(const IncidentSummary& summary);
const char* Color(const IncidentSummary& summary);

// The story with shorter texts, for formats of few bytes: at `level` 0 as it is, at 3 as short as can be.
inline constexpr int kShortest = 3;
IncidentSummary Shortened(const IncidentSummary& summary, int level);

// What is told in a test: an incident that never was.
IncidentSummary TestIncidentSummary(Moment now);

// ---- the formats; stories are cleaned, the worst first ----
nlohmann::json SlackPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);
nlohmann::json TeamsPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);
nlohmann::json ResendPayload(const Channel& channel, const Envelope& envelope,
                             const std::vector<IncidentSummary>& summaries);
nlohmann::json SmtpPayload(const Channel& channel, const Envelope& envelope,
                           const std::vector<IncidentSummary>& summaries);
nlohmann::json WebhookPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);
nlohmann::json PagerdutyPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);

// What SmtpPayload() made, as it was kept.
Mail SmtpMail(const nlohmann::json& payload, const Envelope& envelope);

}  // namespace pulse::delivery
