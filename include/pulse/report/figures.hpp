// What a report says, before it has a form. Pure C++.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pulse/base/local_time.hpp"
#include "pulse/report/chart.hpp"
#include "pulse/report/options.hpp"

namespace pulse::report {

// A list that shows its first rows.
template <typename Row>
struct List {
    std::vector<Row> rows;
    int64_t total = 0;
    // Why the caller does not see it; empty: it is seen.
    std::string hidden;

    int64_t more() const { return total - static_cast<int64_t>(rows.size()); }
};

struct SegmentFigures {
    std::string name, owner, state;
    std::optional<int64_t> size;         // by the last snapshot of the period
    std::optional<int64_t> size_before;  // by the last one before the period
    std::optional<Band> band;            // in which the size is expected
    std::vector<Point> sizes;
    int64_t incidents = 0;
    std::string worst;

    std::optional<double> change() const;
    bool outside() const;
};

struct IncidentFigures {
    int64_t id = 0;
    std::string subject, kind;  // kind: segment, table, event
    std::string detector, attribute, severity, status, direction, summary;
    std::optional<double> baseline, observed, change;
    Moment opened_at = 0;
    std::optional<Moment> closed_at;
    // The diagnosis, if the caller may see it.
    bool diagnosed = false;
    std::vector<std::string> what_changed;
    std::string cause, advice, advice_reason, advice_sql;
    std::optional<double> confidence;
    std::vector<std::string> then;
    std::vector<std::pair<std::string, std::string>> also;  // subject and text of others with the same cause

    bool live() const { return status == "open" || status == "acknowledged"; }
};

struct IncidentCounts {
    int64_t live = 0, opened = 0, opened_before = 0, closed = 0;
    std::array<int64_t, 4> live_by_severity{};  // critical, high, medium, low
};

struct TableFigures {
    std::string table, source, state, what;
    int64_t incidents = 0, checks = 0;
    std::optional<Moment> last_check;
};

struct EventFigures {
    std::string event;
    int64_t events = 0, before = 0;
    std::optional<double> quality;
    std::string band;
};

struct DayFigures {
    std::string day;
    int64_t events = 0;
};

struct AudienceFigures {
    std::string name, segment, destination, status, last_status;
    std::optional<int64_t> sent, members, matchable;
    std::optional<double> match_low, match_high;
    std::optional<Moment> last_sync;
};

struct HealthDay {
    std::string day;
    double score = 0, lowest = 0;
    std::string status;
};

struct ActionFigures {
    int64_t id = 0;
    std::string name, subject, state, needs, risk;
    Moment created_at = 0;
};

struct MessageFigures {
    std::string channel, error;
    int64_t sent = 0, failed = 0, waiting = 0, cancelled = 0;
};

struct CampaignFigures {
    std::string name, segment, status;
    Moment at = 0;
    int64_t planned = 0;
    std::optional<int64_t> reach, reached;
    bool saved = false;
};

struct MissionFigures {
    int64_t segments = 0, monitored = 0, finished = 0, fell_short = 0, warned = 0, saved = 0;
    std::optional<double> share;
    std::optional<int64_t> lead_time;  // microseconds
    std::string hidden;
};

struct Figures {
    ReportOptions options;
    Period period;
    Moment made_at = 0;
    std::string database, role, version, zone, verbs;  // verbs: prefix of Pulse's functions
    OffsetAt offset;
    bool sees_people = false;

    IncidentCounts counts;
    int64_t outside = 0;  // segments outside their expected band
    List<SegmentFigures> segments;
    List<IncidentFigures> incidents;
    List<TableFigures> tables;
    std::array<int64_t, 4> tables_by_state{};  // red, yellow, unknown, green
    List<EventFigures> events;
    int64_t events_total = 0, events_before = 0;
    std::vector<DayFigures> event_days;
    std::string quality_note;
    List<AudienceFigures> audiences;
    std::string health_status, health_hidden;
    std::optional<double> health_score;
    std::vector<std::string> health_issues;
    std::vector<HealthDay> health_days;
    List<ActionFigures> actions;
    List<MessageFigures> messages;
    List<CampaignFigures> campaigns;
    MissionFigures mission;

    // An instant in the report's time zone: 2026-11-30 08:00.
    std::string Local(Moment moment) const;
    std::string LocalDay(Moment moment) const;
};

}  // namespace pulse::report
