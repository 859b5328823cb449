#include "pulse/trust/store_signal.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/trust_settings.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr size_t kLongestPart = 255;         // bytes of source and entity
constexpr size_t kLongestDetails = 8 << 10;  // bytes
constexpr int64_t kClockSkew = 5 * kMinute;

bool IsSignalName(const std::string& name) {
    if (name.empty() || name.size() > 63 || !(name[0] >= 'a' && name[0] <= 'z')) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void CheckSignalPart(const char* what, const std::string& text) {
    if (text.size() > kLongestPart)
        ThrowInvalid(std::string("\"") + what + "\" is too long",
                     "It has " + std::to_string(text.size()) + " bytes.", "Give at most 255 bytes.");
}

// The range of the values of a name that the score reads.
void CheckSignalRange(const Signal& signal) {
    const double most = signal.name == "emq" ? 10 : signal.name == "match_rate" ? 1 : 0;
    if (most > 0 && !(signal.value >= 0 && signal.value <= most))
        ThrowInvalid("the value of " + signal.name + " is out of range",
                     "It is " + PlainText(signal.value) + ".", "Give from 0 to " + PlainText(most) + ".");
}

[[maybe_unused]] const bool signal_retention_registered = pg::RegisterRetention(
    {{.order = 190,
      .what = "signals",
      .sql = "DELETE FROM pulse.signal WHERE id = ANY (ARRAY(SELECT s.id FROM pulse.signal AS s WHERE s.at <"
             " (SELECT CASE WHEN d.days > 0 THEN $1 - d.days * interval '1 day' ELSE '-infinity' END FROM"
             " pulse.trust_days('signal_days') AS d (days)) ORDER BY s.at LIMIT $2))"},
     {.order = 191,
      .what = "series of signals",
      .sql = "DELETE FROM pulse.signal_series WHERE ctid = ANY (ARRAY(SELECT s.ctid FROM pulse.signal_series"
             " AS s WHERE s.last_at < (SELECT CASE WHEN d.days > 0 THEN $1 - d.days * interval '1 day' ELSE"
             " '-infinity' END FROM pulse.trust_days('signal_days') AS d (days)) LIMIT $2))"},
     {.order = 192,
      .what = "hours of signal health",
      .sql =
          "DELETE FROM pulse.signal_health_history WHERE (scope, hour) IN (SELECT s.scope, s.hour FROM"
          " pulse.signal_health_history AS s WHERE s.hour < (SELECT CASE WHEN d.days > 0 THEN $1 - d.days *"
          " interval '1 day' ELSE '-infinity' END FROM pulse.trust_days('history_days') AS d (days))"
          " ORDER BY s.hour LIMIT $2)"},
     // Its hysteresis begins anew afterwards, as its history does: the gate passes nothing without either.
     {.order = 194,
      .what = "scopes of signal health that nothing asks for",
      .sql = "DELETE FROM pulse.signal_health_state WHERE scope = ANY (ARRAY(SELECT s.scope FROM"
             " pulse.signal_health_state AS s WHERE s.used_at < $1 - interval '90 days' AND s.scope <> 'all'"
             " LIMIT $2))"},
     {.order = 193,
      .what = "decisions of the gate",
      .sql = "DELETE FROM pulse.gate_decision WHERE id = ANY (ARRAY(SELECT s.id FROM pulse.gate_decision AS s"
             " WHERE s.at < (SELECT CASE WHEN d.days > 0 THEN $1 - d.days * interval '1 day' ELSE '-infinity'"
             " END FROM pulse.trust_days('decision_days') AS d (days)) ORDER BY s.at LIMIT $2))"}});

}  // namespace

void CheckSignal(Signal& signal, Moment now, bool own) {
    if (!IsSignalName(signal.name))
        ThrowInvalid("\"name\" is not the name of a signal",
                     "It is " + InQuotes(Shorten(signal.name, 80)) + ".",
                     "Give at most 63 lower-case letters, digits and _, a letter first.");
    CheckSignalPart("source", signal.source);
    CheckSignalPart("entity", signal.entity);
    if (!own && signal.source == kOwnSource)
        throw UserError(sqlstate::kInsufficientPrivilege, "the source \"pulse\" is for Pulse itself", "",
                        "Give the name of the platform, destination or source that the number comes from.");
    if (!std::isfinite(signal.value))
        ThrowInvalid(
            "\"value\" must be a finite number",
            std::string("It is ") + (std::isnan(signal.value) ? "NaN" : "infinite") + ".",
            "Leave out what was not measured: a missing signal is named, and never counted as good.");
    CheckSignalRange(signal);
    if (!signal.details.is_object())
        ThrowInvalid("\"details\" must be a JSON object",
                     "It is " + Shorten(DumpJson(signal.details), 80) + ".");
    if (DumpJson(signal.details).size() > kLongestDetails)
        ThrowInvalid("\"details\" is too long", "", "Give at most 8 kB.");
    if (!signal.at) signal.at = now;
    if (TIMESTAMP_NOT_FINITE(*signal.at))
        ThrowInvalid("\"at\" must be finite",
                     std::string("It is ") + (TIMESTAMP_IS_NOBEGIN(*signal.at) ? "-infinity." : "infinity."),
                     "Give the time that the number is of.");
    if (*signal.at > now + kClockSkew)
        ThrowInvalid("\"at\" is in the future", "It is " + FormatMoment(*signal.at) + ".",
                     "Give the time that the number is of.");
    signal.at = std::min(*signal.at, now);
}

std::vector<int64_t> WriteSignals(const std::vector<Signal>& signals, const std::string& actor) {
    if (signals.empty()) return {};
    static pg::Statement insert(
        "WITH given AS MATERIALIZED (SELECT g.*, nextval('pulse.signal_id_seq') AS id FROM unnest($1, $2, $3, $4, $5, $6)"
        " WITH ORDINALITY AS g (name, source, entity, value, at, details, place)),"
        " written AS (INSERT INTO pulse.signal (id, name, source, entity, value, at, details, recorded_by)"
        " SELECT g.id, g.name, g.source, g.entity, g.value, g.at, g.details, $7 FROM given AS g),"
        " noted AS (INSERT INTO pulse.trust_change DEFAULT VALUES ON CONFLICT DO NOTHING),"
        // In one order, so that two batches never wait for each other in a circle.
        " newest AS (SELECT DISTINCT ON (g.name COLLATE \"C\", g.source COLLATE \"C\", g.entity COLLATE \"C\") g.name, g.source, g.entity, g.value, g.at,"
        " count(*) OVER (PARTITION BY g.name, g.source, g.entity) AS signals FROM given AS g"
        " ORDER BY g.name COLLATE \"C\", g.source COLLATE \"C\", g.entity COLLATE \"C\", g.at DESC, g.place DESC),"
        " series AS (INSERT INTO pulse.signal_series AS s (name, source, entity, last_value, last_at, signals)"
        " SELECT n.name, n.source, n.entity, n.value, n.at, n.signals FROM newest AS n"
        " ON CONFLICT (name, source, entity) DO UPDATE SET signals = s.signals + excluded.signals,"
        " last_value = CASE WHEN excluded.last_at >= s.last_at THEN excluded.last_value ELSE s.last_value END,"
        " last_at = greatest(s.last_at, excluded.last_at))"
        " SELECT g.id FROM given AS g ORDER BY g.place",
        {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID,
         TEXTOID});
    std::vector<std::string> names, sources, entities;
    std::vector<double> values;
    std::vector<Moment> times;
    std::vector<Value> details;
    for (const Signal& one : signals) {
        names.push_back(one.name);
        sources.push_back(one.source);
        entities.push_back(one.entity);
        values.push_back(one.value);
        times.push_back(one.at.value_or(0));
        details.push_back(Value::Jsonb(one.details));
    }
    const pg::Result rows =
        insert.Execute({Value::Texts(names), Value::Texts(sources), Value::Texts(entities),
                        Value::Float8s(values), pg::Times(times), pg::Jsonbs(details), Value::Text(actor)});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    // The job signal_health rests until there is something to keep; then it runs every minute.
    static pg::Statement kept("SELECT FROM pulse.signal_health_state LIMIT 1", {});
    if (kept.Execute({}).empty()) pg::NotifyLauncher();
    return ids;
}

void RecordSignal(Signal signal) {
    CheckSignal(signal, pg::Now(), true);
    WriteSignals({std::move(signal)}, kOwnSource);
}

}  // namespace pulse::trust
