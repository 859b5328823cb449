// The wording of messages about incidents, the same in every format. Pure C++.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pulse/delivery/mime.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/delivery/route.hpp"

namespace pulse::delivery {

// The summary with every text cleaned, and cut to the maximum of any message.
IncidentSummary Cleaned(const IncidentSummary& summary);

// The summaries cleaned, the worst first; with the same severity in the order given.
std::vector<IncidentSummary> WorstFirst(const std::vector<IncidentSummary>& summaries);

bool IsOver(const IncidentSummary& summary);  // resolved or ignored

// "size change" of size_change, "null rate" of table_null_rate; with the attribute where there is one.
std::string Detector(const IncidentSummary& summary);

// "High-Value Users: size change", with "table" before tables.
std::string Title(const IncidentSummary& summary);

// "High", "Resolved" …: the beginning of a line.
std::string Label(const std::string& event, const IncidentSummary& summary);

// "High: High-Value Users: size change", or "5 incidents, 2 critical"; in at most `limit` units.
std::string Headline(const Envelope& envelope, const std::vector<IncidentSummary>& summaries, size_t limit);

// "Nobody has acknowledged it for 3 h." for an escalation, "Lasted 2 d 3 h …" for a closed incident; may be
// empty.
std::string Remark(const Envelope& envelope, const IncidentSummary& summary);

// Baseline and observed value with units; empty if unknown. "10,000 people", "12 %", "6 h 12 min".
std::string Before(const IncidentSummary& summary);
std::string Now(const IncidentSummary& summary);
// "-42 %"; empty if the change is not relative.
std::string Change(const IncidentSummary& summary);
// "10,000 people before, 5,800 now (-42 %)"; may be empty.
std::string Figures(const IncidentSummary& summary);

// "People lost": the name of that fact.
std::string Lost(const IncidentSummary& summary);

// The known facts with their names: before, now, people lost, since and so on.
std::vector<std::pair<std::string, std::string>> Facts(const IncidentSummary& summary);

// "87 % confidence", "87 % confidence, investigated"; may be empty.
std::string Confidence(const IncidentSummary& summary);

// A coloured circle, and the hexadecimal colour, of the severity or of a closed incident.
const char* Mark(const IncidentSummary& summary);
const char* Color(const IncidentSummary& summary);

// The summary with shorter texts, for formats with small limits: unchanged at `level` 0, shortest at 3.
inline constexpr int kShortest = 3;
IncidentSummary Shortened(const IncidentSummary& summary, int level);

// The invented incident of a test message.
IncidentSummary TestIncidentSummary(Moment now);

// ---- the formats; summaries are cleaned, the worst first ----
nlohmann::json SlackPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);
nlohmann::json TeamsPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);
nlohmann::json ResendPayload(const Channel& channel, const Envelope& envelope,
                             const std::vector<IncidentSummary>& summaries);
nlohmann::json SmtpPayload(const Channel& channel, const Envelope& envelope,
                           const std::vector<IncidentSummary>& summaries);
nlohmann::json WebhookPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);
nlohmann::json PagerdutyPayload(const Envelope& envelope, const std::vector<IncidentSummary>& summaries);

// Reads a stored payload of SmtpPayload().
Mail SmtpMail(const nlohmann::json& payload, const Envelope& envelope);

}  // namespace pulse::delivery
