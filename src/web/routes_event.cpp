// Routes for events, as the libraries of Segment, RudderStack, PostHog and Jitsu send them.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// What happened to the events: senders go on whatever it says, and people read it.
#define PULSE_VERDICTS                                                                                      \
    "json_build_object('success', true, 'accepted', count(*) FILTER (WHERE i.status = 'accepted'), "        \
    "'duplicates', count(*) FILTER (WHERE i.status = 'duplicate'), 'rejected', "                            \
    "coalesce(json_agg(json_build_object('index', i.index, 'messageId', i.message_id, 'reason', i.reason, " \
    "'detail', i.detail)) FILTER (WHERE i.status = 'rejected'), '[]'))"

Route Batch(std::string_view path) {
    return {.method = "POST",
            .path = path,
            .family = Family::kSegment,
            .access = Access::kSend,
            .lane = Lane::kIngest,
            .large = true,
            .summary = "Sends a batch of events: {\"batch\": [...]}, an array, or one event",
            .sql = "SELECT " PULSE_VERDICTS " FROM {v}.pulse_ingest($1::text, $2::text) AS i",
            .parameters = {{"body", In::kText}, {"source", In::kRequest}}};
}

// One event of a type; several requests of it may be answered at once, so there is a row for each. A rejected
// one is an error: its sender sends one at a time, and reads the answer.
Route Single(std::string_view path, std::string_view type) {
    return {
        .method = "POST",
        .path = path,
        .family = Family::kSegment,
        .access = Access::kSend,
        .lane = Lane::kIngest,
        .folds = true,
        .summary = "Sends one event",
        .sql =
            "SELECT CASE WHEN i.status = 'rejected' THEN json_build_object('code', 'invalid_argument', "
            "'message', 'event rejected: ' || i.reason, 'details', i.detail) "
            "ELSE json_build_object('success', true, 'userId', 'profile:' || i.profile_id, 'eventId', i.event_id, "
            "'duplicate', i.status = 'duplicate') END, "
            "CASE WHEN i.status = 'rejected' THEN 400 ELSE 200 END AS status "
            "FROM pulse.ingest_each($1::text[], $2::text) AS i ORDER BY i.index",
        .parameters = {{type, In::kEvent}, {"source", In::kRequest}}};
}

// PostHog: {"api_key", "batch": [{"event", "distinct_id", "properties", "timestamp", "uuid"}]}.
Route PostHog(std::string_view path) {
    return {.method = "POST",
            .path = path,
            .family = Family::kSegment,
            .access = Access::kSend,
            .lane = Lane::kIngest,
            .large = true,
            .summary = "Sends events in the form of PostHog's libraries",
            .sql = "SELECT " PULSE_VERDICTS
                   " FROM {v}.pulse_ingest(pulse.from_posthog($1::jsonb), $2::text) AS i",
            .parameters = {{"body", In::kWholeBody, Type::kJson}, {"source", In::kRequest}}};
}

}  // namespace

std::vector<Route> EventRoutes() {
    std::vector<Route> routes;
    for (const char* path : {"/v1/batch", "/v1/import", "/v1/b"}) routes.push_back(Batch(path));
    constexpr struct {
        const char *word, *letter, *type;
    } kTypes[] = {{"identify", "i", "identify"}, {"track", "t", "track"}, {"page", "p", "page"},
                  {"screen", "s", "screen"},     {"group", "g", "group"}, {"alias", "a", "alias"}};
    static constexpr const char* kWords[] = {"/v1/identify", "/v1/track", "/v1/page",
                                             "/v1/screen",   "/v1/group", "/v1/alias"};
    static constexpr const char* kLetters[] = {"/v1/i", "/v1/t", "/v1/p", "/v1/s", "/v1/g", "/v1/a"};
    static constexpr const char* kJitsu[] = {"/api/s/identify", "/api/s/track", "/api/s/page",
                                             "/api/s/screen",   "/api/s/group", "/api/s/alias"};
    for (size_t i = 0; i < std::size(kTypes); ++i)
        for (const char* path : {kWords[i], kLetters[i], kJitsu[i]})
            routes.push_back(Single(path, kTypes[i].type));
    for (const char* path : {"/batch", "/capture", "/e"}) routes.push_back(PostHog(path));
    // Segment's library for browsers sends figures about itself there; and reads its settings here.
    routes.push_back(
        {.method = "POST",
         .path = "/v1/m",
         .family = Family::kSegment,
         .access = Access::kNone,
         .read_only = true,
         .lane = Lane::kIngest,
         .summary =
             "Takes the figures that Segment's library for browsers sends about itself, and drops them",
         .sql = "SELECT json_build_object('success', true)"});
    routes.push_back({.method = "GET",
                      .path = "/v1/projects/{writeKey}/settings",
                      .family = Family::kSegment,
                      .access = Access::kNone,
                      .read_only = true,
                      .summary = "The settings of Segment's library for browsers: where it sends events",
                      .sql = "SELECT json_build_object('integrations', json_build_object('Segment.io', "
                             "json_build_object('apiKey', $1::text, 'apiHost', "
                             "regexp_replace($2::text, '^https?://', '') || '/v1', 'protocol', "
                             "split_part($2::text, '://', 1))))",
                      .parameters = {{"writeKey", In::kPath}, {"url", In::kRequest}}});
    return routes;
}

}  // namespace pulse::web
