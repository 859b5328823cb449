// Mail, by Resend's API and by SMTP: one subject, one text, one HTML page with inline style.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/ascii.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/wording.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::delivery {

namespace {

using nlohmann::json;
using Rows = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kSubject = 180, kMostStories = 100;

Rows Evidence(const IncidentSummary& summary) {
    Rows rows = Facts(summary);
    if (const std::string detector = Detector(summary); !detector.empty())
        rows.emplace_back("Detector", detector);
    return rows;
}

// ---- text ----

void AddMailPart(std::string& text, const std::string& label, const std::vector<std::string>& lines) {
    bool first = true;
    for (const std::string& line : lines) {
        if (line.empty()) continue;
        if (first) text += "\n" + label + "\n";
        first = false;
        text += "  " + line + "\n";
    }
}

std::string CauseLabel(const IncidentSummary& summary) {
    const std::string confidence = Confidence(summary);
    return "Likely cause" + (confidence.empty() ? "" : " (" + confidence + ")");
}

std::string TextOf(const Envelope& envelope, const IncidentSummary& summary) {
    std::string text = Label(envelope.event, summary) + ": " + Title(summary) + "\n";
    const std::string remark = Remark(envelope, summary);
    if (!remark.empty()) text += remark + "\n";
    text += "\n";
    for (const auto& [label, value] : Evidence(summary)) text += "  " + label + ": " + value + "\n";
    AddMailPart(text, "What changed",
                summary.what_changed.empty() ? std::vector{summary.summary} : summary.what_changed);
    if (!IsOver(summary)) {
        AddMailPart(text, CauseLabel(summary), {summary.cause});
        AddMailPart(text, "What to do first", {summary.advice, summary.advice_reason, summary.advice_sql});
        std::vector<std::string> more;
        for (const auto& [priority, action] : summary.more_advice) more.push_back(priority + ": " + action);
        AddMailPart(text, "Then", more);
        if (summary.status == "open") AddMailPart(text, "To acknowledge it", {summary.acknowledge_sql});
    }
    AddMailPart(text, "Open the incident", {summary.url});
    return text;
}

// ---- HTML ----

std::string Cell(const std::string& style, const std::string& html) {
    return "<td style=\"padding:4px 12px 4px 0;vertical-align:top;" + style + "\">" + html + "</td>";
}

std::string Heading(const std::string& text) {
    return "<h3 style=\"font-size:14px;margin:20px 0 6px\">" + Html(text) + "</h3>";
}

std::string Paragraph(const std::string& text) {
    return "<p style=\"margin:0 0 6px\">" + Html(text) + "</p>";
}

std::string Sql(const std::string& sql) {
    return "<pre style=\"background:#F3F4F6;padding:8px;margin:0 0 "
           "6px;white-space:pre-wrap;font-size:12px\">" +
           Html(sql) + "</pre>";
}

std::string Badge(const Envelope& envelope, const IncidentSummary& summary) {
    return "<span style=\"background:#" + std::string(Color(summary)) +
           ";color:#FFFFFF;padding:2px 8px;border-radius:4px;font-size:12px\">" +
           Html(Label(envelope.event, summary)) + "</span>";
}

std::string HtmlOf(const Envelope& envelope, const IncidentSummary& summary) {
    std::string html = "<p style=\"margin:0 0 8px\">" + Badge(envelope, summary) +
                       "</p><h2 style=\"font-size:18px;margin:0 0 8px\">" + Html(Title(summary)) + "</h2>";
    const std::string remark = Remark(envelope, summary);
    if (!remark.empty()) html += Paragraph(remark);
    html += "<table style=\"border-collapse:collapse;font-size:14px\">";
    for (const auto& [label, value] : Evidence(summary))
        html += "<tr>" + Cell("color:#6B7280", Html(label)) + Cell("", Html(value)) + "</tr>";
    html += "</table>" + Heading("What changed");
    if (summary.what_changed.empty()) html += Paragraph(summary.summary);
    for (const std::string& sentence : summary.what_changed) html += Paragraph(sentence);
    if (!IsOver(summary)) {
        if (!summary.cause.empty()) html += Heading(CauseLabel(summary)) + Paragraph(summary.cause);
        if (!summary.advice.empty()) {
            html += Heading("What to do first") + Paragraph(summary.advice);
            if (!summary.advice_reason.empty()) html += Paragraph(summary.advice_reason);
            if (!summary.advice_sql.empty()) html += Sql(summary.advice_sql);
        }
        if (!summary.more_advice.empty()) html += Heading("Then");
        for (const auto& [priority, action] : summary.more_advice)
            html += Paragraph(priority + ": " + action);
        if (summary.status == "open" && !summary.acknowledge_sql.empty())
            html += Heading("To acknowledge it") + Sql(summary.acknowledge_sql);
    }
    if (!summary.url.empty())
        html += "<p style=\"margin:20px 0 0\"><a href=\"" + Html(summary.url) +
                "\" style=\"color:#2563EB\">Open the incident</a></p>";
    return html;
}

std::string Page(const std::string& content, const std::string& footer) {
    return "<!DOCTYPE html><html><head><meta charset=\"utf-8\"></head><body "
           "style=\"margin:0;padding:24px;background:#FFFFFF;"
           "color:#111827;font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:1.4\"><div "
           "style=\"max-width:640px\">" +
           content + "<p style=\"margin:24px 0 0;color:#9CA3AF;font-size:12px\">" + Html(footer) +
           "</p></div></body></html>";
}

// ---- both ----

std::string Domain(const MailAddress& from) {
    return from.email.substr(from.email.find('@') + 1);
}

std::string MessageId(const std::string& key, const std::string& domain) {
    std::string local;
    for (const char c : key.substr(0, 200))
        local += IsDigit(c) || IsLetter(c) || c == '_' || c == '-' ? c : '.';
    return "<" + (local.empty() ? "message" : local) + "@" + domain + ">";
}

MailAddress FirstAddress(const Channel& channel, const char* option) {
    const auto addresses = ParseAddresses(options::Value(channel.server, option).value_or(""));
    if (!addresses || addresses->empty())
        throw UserError(sqlstate::kInvalidParameter, "channel \"" + channel.name + "\" is not complete",
                        std::string("It has no valid option \"") + option + "\".",
                        "ALTER SERVER ... OPTIONS.");
    MailAddress address = addresses->front();
    address.name = Clean(address.name, 100);
    return address;
}

json MailOf(const Channel& channel, const Envelope& envelope, const std::vector<IncidentSummary>& summaries) {
    const MailAddress from = FirstAddress(channel, "from");
    const auto to = ParseAddresses(options::Value(channel.server, "to").value_or(""));
    json receivers = json::array();
    for (MailAddress address : to.value_or(std::vector<MailAddress>())) {
        address.name = Clean(address.name, 100);
        receivers.push_back(Print(address));
    }
    std::string text, html;
    for (size_t i = 0; i < std::min(summaries.size(), kMostStories); ++i) {
        if (i > 0) text += "\n----------------------------------------\n\n";
        if (i > 0) html += "<hr style=\"border:0;border-top:1px solid #E5E7EB;margin:24px 0\">";
        const IncidentSummary summary = summaries.size() > 1 ? Shortened(summaries[i], 1) : summaries[i];
        text += TextOf(envelope, summary);
        html += HtmlOf(envelope, summary);
    }
    const std::string headline = Headline(envelope, summaries, kSubject);
    if (summaries.size() != 1) {
        text = headline + "\n\n" + text;
        html = "<h2 style=\"font-size:18px;margin:0 0 16px\">" + Html(headline) + "</h2>" + html;
    }
    if (summaries.size() > kMostStories) {
        const std::string more = "and " + std::to_string(summaries.size() - kMostStories) + " more";
        text += "\n" + more + "\n";
        html += Paragraph(more);
    }
    const std::string route = Clean(envelope.route, 100);
    const std::string footer = "Sent by Pulse" + (route.empty() ? "." : " by the route " + route + ".");
    json headers = {{"Message-ID", MessageId(envelope.key, Domain(from))},
                    {"Auto-Submitted", "auto-generated"}};
    if (summaries.size() == 1 && summaries[0].incident != 0)
        headers["X-Pulse-Incident"] = std::to_string(summaries[0].incident);
    if (!envelope.thread.empty() && envelope.thread != envelope.key)
        headers["In-Reply-To"] = headers["References"] = MessageId(envelope.thread, Domain(from));
    json mail = {{"from", Print(from)},
                 {"to", std::move(receivers)},
                 {"subject", "[Pulse] " + headline},
                 {"text", text + "\n-- \n" + footer + "\n"},
                 {"html", Page(html, footer)},
                 {"headers", std::move(headers)}};
    if (options::Value(channel.server, "reply_to"))
        mail["reply_to"] = Print(FirstAddress(channel, "reply_to"));
    return mail;
}

MailAddress Read(const json& value) {
    const auto addresses = ParseAddresses(value.is_string() ? value.get<std::string>() : "");
    if (!addresses || addresses->empty())
        throw UserError(sqlstate::kInvalidParameter, "a message has no valid address",
                        "It is " + DumpJson(value) + ".",
                        "Correct the options \"from\" and \"to\" of its channel.");
    return addresses->front();
}

std::string Text(const json& payload, const char* name) {
    const auto found = payload.find(name);
    return found != payload.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

json ResendPayload(const Channel& channel, const Envelope& envelope,
                   const std::vector<IncidentSummary>& summaries) {
    json mail = MailOf(channel, envelope, summaries);
    mail["tags"] = json::array({{{"name", "source"}, {"value", "pulse"}}});
    return mail;
}

json SmtpPayload(const Channel& channel, const Envelope& envelope,
                 const std::vector<IncidentSummary>& summaries) {
    return MailOf(channel, envelope, summaries);
}

Mail SmtpMail(const json& payload, const Envelope& envelope) {
    Mail letter;
    letter.from = Read(payload.value("from", json()));
    for (const json& receiver : payload.value("to", json::array())) letter.to.push_back(Read(receiver));
    if (letter.to.empty()) Read(json());
    if (payload.contains("reply_to")) letter.reply_to = Read(payload["reply_to"]);
    letter.subject = Text(payload, "subject");
    letter.text = Text(payload, "text");
    letter.html = Text(payload, "html");
    for (const char* name :
         {"Message-ID", "In-Reply-To", "References", "Auto-Submitted", "X-Pulse-Incident"}) {
        const std::string value = payload.contains("headers") ? Text(payload["headers"], name) : "";
        if (!value.empty()) letter.headers.emplace_back(name, value);
    }
    letter.date = envelope.created_at;
    letter.boundary = "pulse";
    for (const char c : envelope.key.substr(0, 48))
        if (IsDigit(c) || IsLetter(c)) letter.boundary += c;
    return letter;
}

}  // namespace pulse::delivery
