// The messages that carry a report: their text when they are due, the file for each attempt.
#include <nlohmann/json.hpp>

#include "pulse/delivery/payload_text.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/delivery/store_message_kind.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/personal_data.hpp"
#include "pulse/report/store_schedule.hpp"

namespace pulse::report {

namespace {

using pg::Value;

constexpr const char* kReportKind = "report";
// The report of an order key, such as report:12.
#define PULSE_REPORT_OF(key) "id = nullif(regexp_replace(" key ", '^report:', ''), '')::bigint"

bool TakesAttachments(const delivery::Channel& channel) {
    return channel.kind == delivery::ChannelKind::kSmtp || channel.kind == delivery::ChannelKind::kResend;
}

std::optional<std::string> ComposeReport(delivery::Message& message, const delivery::Channel& channel) {
    static pg::Statement read(
        "SELECT subject, summary, mail_text, mail_html, route, kind, since, until, made_at, bytes, file_name"
        " FROM pulse.report WHERE " PULSE_REPORT_OF("$1"),
        {TEXTOID});
    static pg::Statement save("UPDATE pulse.outbox SET payload = $2 WHERE id = $1", {INT8OID, JSONBOID});
    const pg::Result rows = read.Execute({Value::Text(message.order_key)});
    if (rows.empty()) return "the report no longer exists";
    const pg::Row row = rows[0];
    delivery::TextMessage text{row.Text(0), row.Text(1), nlohmann::json::object()};
    text.data = {{"route", row.Text(4)},
                 {"report", row.Text(5)},
                 {"since", FormatMoment(row.Time(6))},
                 {"until", FormatMoment(row.Time(7))},
                 {"made_at", FormatMoment(row.Time(8))},
                 {"bytes", row.Int8(9)},
                 {"file", row.Text(10)}};
    text.mail_text = row.TextOrNull(2).value_or("");
    text.mail_html = row.TextOrNull(3).value_or("");
    const delivery::Envelope envelope{message.key, message.key,        message.event,
                                      row.Text(4), message.created_at, false};
    message.payload = delivery::MakeTextPayload(channel, envelope, text);
    save.Execute({Value::Int8(message.id), Value::Jsonb(message.payload)});
    return std::nullopt;
}

void AttachReport(delivery::Message& message, const delivery::Channel& channel) {
    static pg::Statement read(
        "SELECT file_name, content FROM pulse.report WHERE attached AND " PULSE_REPORT_OF("$1"), {TEXTOID});
    if (!TakesAttachments(channel)) return;
    const pg::Result rows = read.Execute({Value::Text(message.order_key)});
    if (rows.empty()) return;
    const std::optional<std::string> content = rows[0].TextOrNull(1);
    if (!content)
        throw UserError(sqlstate::kNotReady, "the report that this message carries is no longer kept",
                        "It is removed when its messages are sent.", "Make it again with pulse_report().");
    message.attachments.push_back({rows[0].Text(0), "text/html; charset=utf-8", *content});
}

[[maybe_unused]] const bool sends_reports =
    delivery::RegisterMessageKind({kReportKind, ComposeReport, ForgetSent, AttachReport});

[[maybe_unused]] const bool reports_without_personal_data =
    profile::RegisterWithoutPersonalData("report", {{"report", "Figures of segments, tables and events."}});

}  // namespace

void ForgetSent(const std::vector<int64_t>& messages) {
    static pg::Statement statement(
        "UPDATE pulse.report AS r SET content = NULL, mail_text = NULL, mail_html = NULL WHERE r.content IS NOT NULL"
        " AND r.messages && $1"
        " AND NOT EXISTS (SELECT FROM pulse.outbox AS o WHERE o.id = ANY (r.messages) AND o.status <> 'sent')",
        {INT8ARRAYOID});
    statement.Execute({Value::Int8s(messages)});
}

}  // namespace pulse::report
