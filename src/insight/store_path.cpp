// Paths: PostgreSQL splits the events into sessions and counts the beginnings, sorted and on disk where they
// are many; the tree keeps the most frequent ones.
#include "pulse/insight/store_path.hpp"

#include "pulse/insight/path_tree.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

// Each beginning of a path: its steps after the start, sessions and people; in the order of the steps.
std::string BeginningsSql(const PathQuestion& question) {
    const std::string now = MomentSql(question.now), anchor = ConditionSql(question.event, now),
                      depth = std::to_string(question.depth),
                      gap = "interval '" + std::to_string(question.session_gap) + " microseconds'",
                      way = question.backwards ? " DESC" : "";
    const std::string range = " e.time <= " + now + " AND e.time >= " + MomentSql(question.since) +
                              " AND e.time < " + MomentSql(question.until);
    const auto order = [&](const std::string& row) {
        return " ORDER BY " + row + ".time" + way + ", " + row + ".received_at" + way + ", " + row + ".id" +
               way;
    };
    std::string named;
    for (const std::string& name : question.ignored)
        named += (named.empty() ? "" : ", ") + pg::QuoteLiteral(name);
    if (!named.empty()) named = " AND e.name NOT IN (" + named + ")";
    // All windows have one order, so that PostgreSQL sorts once. A path is known by the number of its first
    // step.
    const auto window = [&](const std::string& row, bool running) {
        return " OVER (PARTITION BY " + row + ".person" + order(row) +
               (running ? " ROWS UNBOUNDED PRECEDING)" : ")");
    };
    return "WITH person AS MATERIALIZED (SELECT DISTINCT p.canonical_id AS id FROM pulse.event AS e"
           " JOIN pulse.profile AS p ON p.id = e.profile_id WHERE" +
           range + " AND " + anchor +
           "), near AS (SELECT p.canonical_id AS person, e.time, e.received_at, e.id, e.name, " + anchor +
           " AS anchor FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id"
           " JOIN person AS a ON a.id = p.canonical_id WHERE" +
           range + named + "), before AS (SELECT n.*, pg_catalog.lag(n.time)" + window("n", false) +
           " AS time_before, pg_catalog.lag(n.name)" + window("n", false) +
           " AS name_before, pg_catalog.lag(n.anchor)" + window("n", false) +
           " AS anchor_before FROM near AS n), split AS (SELECT b.*, b.time_before IS NULL OR " +
           (question.backwards ? "b.time_before - b.time" : "b.time - b.time_before") + " > " + gap +
           " AS opens FROM before AS b),"
           // Without repeats: n, and how many steps so far could begin a path.
           " step AS (SELECT s.person, s.time, s.received_at, s.id, s.name, s.anchor, s.opens,"
           " pg_catalog.row_number()" +
           window("s", false) + " AS n, pg_catalog.count(*) FILTER (WHERE s.anchor)" + window("s", true) +
           " AS anchors FROM split AS s WHERE s.opens OR s.name <> s.name_before OR s.anchor <>"
           " s.anchor_before),"
           // The same at the beginning of the session.
           " session AS (SELECT t.*, pg_catalog.max(CASE WHEN t.opens THEN t.anchors - t.anchor::integer END)" +
           window("t", true) +
           " AS earlier FROM step AS t), path AS (SELECT u.person, u.name, u.n, pg_catalog.max(CASE WHEN"
           " u.anchor AND u.anchors = u.earlier + 1 THEN u.n END)" +
           window("u", true) +
           " AS start FROM session AS u WHERE u.anchors > u.earlier),"
           " steps AS (SELECT h.person, (pg_catalog.array_agg(h.name ORDER BY h.n))[2:] AS steps"
           " FROM path AS h WHERE h.n <= h.start + " +
           depth +
           " GROUP BY h.person, h.start),"
           " whole AS (SELECT s.person, CASE WHEN pg_catalog.cardinality(s.steps) < " +
           depth +
           " THEN s.steps || ''::text ELSE s.steps END AS steps FROM steps AS s)"
           " SELECT b.steps, pg_catalog.sum(b.sessions)::bigint, pg_catalog.count(*) FROM (SELECT w.person,"
           " w.steps[1:k.k] AS steps, pg_catalog.count(*) AS sessions FROM whole AS w CROSS JOIN LATERAL"
           " pg_catalog.generate_series(0, pg_catalog.cardinality(w.steps)) AS k (k) GROUP BY 1, 2) AS b"
           " GROUP BY b.steps ORDER BY b.steps COLLATE pg_catalog.\"C\"";
}

// Writes the tree as rows, each step before those that follow it.
class PathRows {
  public:
    PathRows(const PathQuestion& question, const PathTree::Node& start, pg::ResultSet& rows)
        : question_(question), all_(start.count.sessions), rows_(rows) {
        if (all_ == 0) return;
        hidden_ = !question.sees_people && start.count.people < kSmallestGroup;
        Add(start, 0, all_);
        if (!hidden_) AddNext(start, 1);
    }

  private:
    void AddNext(const PathTree::Node& node, int64_t step) {
        for (const PathTree::Node& next : node.next) {
            Add(next, step, node.count.sessions);
            if (next.kind != PathTree::Kind::kEvent) continue;
            before_.push_back(next.event);
            AddNext(next, step + 1);
            before_.pop_back();
        }
    }

    void Add(const PathTree::Node& node, int64_t step, int64_t sessions_before) {
        static constexpr const char* kKinds[] = {"start", "event", "end", "other"};
        const bool other = node.kind == PathTree::Kind::kOther;
        // Sessions of others are no fewer than their people.
        const bool shown = question_.sees_people || (!hidden_ && node.count.sessions >= kSmallestGroup);
        const auto share = [&](int64_t of) {
            return shown ? Value::Float8(static_cast<double>(node.count.sessions) / static_cast<double>(of))
                         : Value::Null(FLOAT8OID);
        };
        const Value event = node.kind == PathTree::Kind::kEvent   ? Value::Text(node.event)
                            : node.kind == PathTree::Kind::kStart ? Value::Text(question_.event.event)
                                                                  : Value::Null(TEXTOID);
        rows_.Add({Value::Int8(step), Value::Texts(before_), event,
                   Value::Text(kKinds[static_cast<size_t>(node.kind)]),
                   shown ? Value::Int8(node.count.sessions) : Value::Null(INT8OID),
                   other || !shown ? Value::Null(INT8OID) : Value::Int8(node.count.people),
                   share(sessions_before), share(all_)});
    }

    const PathQuestion& question_;
    int64_t all_;
    bool hidden_ = false;
    std::vector<std::string> before_;
    pg::ResultSet& rows_;
};

}  // namespace

void CountPaths(const PathQuestion& question, pg::ResultSet& rows) {
    SpareJit();
    constexpr long kFetchedAtOnce = 10'000;
    PathTree tree(static_cast<size_t>(question.top), question.sees_people ? 0 : kSmallestGroup);
    {
        pg::Cursor cursor(BeginningsSql(question), {});
        while (true) {
            pg::CheckInterrupts();
            const pg::Result beginnings = cursor.Fetch(kFetchedAtOnce);
            if (beginnings.empty()) break;
            for (uint64_t i = 0; i < beginnings.size(); ++i)
                tree.Add(beginnings[i].Texts(0), {beginnings[i].Int8(1), beginnings[i].Int8(2)});
        }
    }
    PathRows(question, tree.Finish(), rows);
}

}  // namespace pulse::insight
