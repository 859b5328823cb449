#include "pulse/report/sql.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"

namespace pulse::report {

namespace {

std::string Literal(const std::string& text) {
    std::string literal = "'";
    bool backslash = false;
    for (const char c : text) {
        if (c == '\'' || c == '\\') literal += c;
        backslash = backslash || c == '\\';
        literal += c;
    }
    return (backslash ? "E" : "") + literal + "'";
}

// A text without quotes to escape, as all instants are.
std::string Time(Moment moment) {
    return "'" + FormatMoment(moment) + "'";
}

std::string OptionsText(const ReportOptions& options) {
    nlohmann::json json = nlohmann::json::object();
    if (options.chosen) json["segments"] = options.segments;
    if (options.sections != SectionNames()) json["sections"] = options.sections;
    if (!options.title.empty()) json["title"] = options.title;
    if (!options.time_zone.empty()) json["time_zone"] = options.time_zone;
    if (options.limit != ReportOptions().limit) json["limit"] = options.limit;
    return json.empty() ? "" : DumpJson(json);
}

}  // namespace

std::string CallText(const Figures& figures) {
    const std::string options = OptionsText(figures.options);
    return "SELECT " + figures.verbs + "pulse_report(" + Time(figures.period.from) + ", " +
           Time(figures.period.until) + (options.empty() ? "" : ", " + Literal(options)) + ");";
}

std::vector<std::pair<std::string, std::string>> HowItWasMade(const Figures& figures) {
    const std::string from = Time(figures.period.from), until = Time(figures.period.until),
                      before = Time(figures.period.before());
    std::vector<std::pair<std::string, std::string>> made = {{"The report itself", CallText(figures)}};
    const auto add = [&](const char* section, const char* what, const std::string& sql) {
        if (figures.options.Has(section)) made.emplace_back(what, sql);
    };
    add("segments", "Segments",
        "SELECT segment, state, size, change, incidents, worst, last_snapshot\nFROM pulse.segment_overview;");
    add("segments", "Sizes",
        "SELECT s.name, p.taken_at, p.size\nFROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = "
        "p.segment_id\nWHERE p.status = 'ok' AND p.taken_at > " +
            before + " AND p.taken_at <= " + until + "\nORDER BY s.name, p.taken_at;");
    add("incidents", "Incidents",
        "SELECT id, severity, status, coalesce(segment, relation, event) AS about, detector, change, opened_at, "
        "closed_at\nFROM pulse.incident\nWHERE opened_at <= " +
            until + " AND coalesce(closed_at, 'infinity') >= " + from + "\nORDER BY opened_at DESC;");
    add("tables", "Tables",
        "SELECT \"table\", state, what, incidents, last_check\nFROM pulse.table_overview;");
    add("events", "Events",
        "SELECT event, sum(events) FILTER (WHERE hour >= " + from +
            ") AS events, sum(events) FILTER (WHERE hour < " + from +
            ") AS before\nFROM pulse.events_by_source_hour\nWHERE hour >= " + before + " AND hour < " +
            until + "\nGROUP BY event ORDER BY events DESC NULLS LAST;");
    add("events", "Quality of events",
        "SELECT event, score, band FROM " + figures.verbs + "pulse_event_quality(" + from + ", " + until +
            ", 'event');");
    add("audiences", "Audiences",
        "SELECT name, segment, destination, status, sent, matchable, members, match_low, match_high, "
        "last_sync_at\nFROM pulse.audience_overview;");
    add("trust", "Trust",
        "SELECT day, score, lowest, status FROM pulse.signal_health_day\nWHERE scope = 'all' AND day >= "
        "(timestamptz " +
            from + " AT TIME ZONE 'UTC')::date ORDER BY day;");
    add("trust", "Queue of actions",
        "SELECT id, name, subject, risk, state, needs, created_at\nFROM pulse.action\nWHERE state IN ('pending', "
        "'approved', 'applying') ORDER BY created_at;");
    add("messages", "Messages",
        "SELECT channel, status, count(*)\nFROM pulse.message\nWHERE created_at > " + from +
            " AND created_at <= " + until + "\nGROUP BY channel, status ORDER BY channel, status;");
    add("mission", "Mission", "SELECT * FROM pulse.mission;");
    add("mission", "Campaigns",
        "SELECT name, segment, at, status, planned, reach, reached, saved\nFROM pulse.campaign_overview\nWHERE at >= " +
            from + " ORDER BY at;");
    return made;
}

}  // namespace pulse::report
