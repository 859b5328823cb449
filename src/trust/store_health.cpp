// Computing the health of scopes, their state and their history.
#include "pulse/trust/store_health.hpp"

#include <algorithm>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/delivery/store_alert.hpp"
#include "pulse/delivery/store_publish.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/source/fixed_settings.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

// So long a score holds if nothing that it stands on has changed.
constexpr int64_t kScoreLife = 10 * kSecond;
constexpr int64_t kInUse = 30 * kDay;
constexpr int64_t kMostScopes = 500;  // that one run of the job computes
constexpr int64_t kChangesAtOnce = 100'000;

// What a score has seen: the snapshot, the transaction that computes it, and when by the wall clock; not of a
// snapshot that may be so old that the changes since are forgotten.
struct Seen {
    std::string snapshot, transaction;
    std::optional<Moment> at;
};

struct StoredState {
    Seen seen;
    HeldStatus held;
    HealthStatus status = HealthStatus::kUnknown;
    std::optional<Moment> as_of;
};

StoredState ReadState(const pg::Row& row) {
    StoredState state;
    state.held.level = ReadHealthStatus(row.Text(0));
    state.held.rising_since = row.TimeOrNull(1);
    state.held.rising = row.Int4(2);
    state.status = ReadHealthStatus(row.Text(3));
    state.as_of = row.TimeOrNull(4);
    return state;
}

#define PULSE_HEALTH_STATE \
    "SELECT level, rising_since, rising, status, as_of FROM pulse.signal_health_state WHERE scope = $1"

StoredState FindState(const std::string& scope) {
    static pg::Statement statement(PULSE_HEALTH_STATE, {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(scope)});
    return rows.empty() ? StoredState() : ReadState(rows[0]);
}

// Locks the row and says what is seen from now on: what comes meanwhile is computed again. Empty where there
// is no row, or another transaction has it.
std::optional<StoredState> LockRow(const std::string& scope, bool wait) {
#define PULSE_LOCKED_HEALTH                                                                                 \
    "SELECT level, rising_since, rising, status, as_of, pg_current_snapshot()::text,"                       \
    " coalesce(pg_current_xact_id_if_assigned()::text, '') FROM pulse.signal_health_state WHERE scope = $1" \
    " FOR NO KEY UPDATE"
    static pg::Statement lock(PULSE_LOCKED_HEALTH, {TEXTOID});
    static pg::Statement skip(PULSE_LOCKED_HEALTH " SKIP LOCKED", {TEXTOID});
    const Moment begun = pg::WallClock();
    const pg::Result rows = (wait ? lock : skip).Execute({Value::Text(scope)});
    if (rows.empty()) return std::nullopt;
    StoredState state = ReadState(rows[0]);
    state.seen = {rows[0].Text(5), rows[0].Text(6),
                  IsolationUsesXactSnapshot() ? std::nullopt : std::optional(begun)};
    return state;
}

// The same, and the row is made if necessary. A scope that does not exist gets none.
std::optional<StoredState> LockState(const std::string& scope, Moment now, bool wait) {
    static pg::Statement make(
        "INSERT INTO pulse.signal_health_state (scope, used_at) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING",
        {TEXTOID, TIMESTAMPTZOID});
    static pg::Statement known("SELECT 1 FROM pulse.signal_health_state WHERE scope = $1", {TEXTOID});
    if (const auto state = LockRow(scope, wait)) return state;
    if (known.Execute({Value::Text(scope)}).empty()) {
        DependenciesOf(ReadSubject(scope));
        make.Execute({Value::Text(scope), Value::Time(now)});
        pg::NotifyLauncher();  // the job signal_health keeps it from now on
    }
    return LockRow(scope, wait);
}

ScopeHealth ComputeFrom(const StoredState& before, const std::string& scope, Moment now,
                        const TrustSettings& settings) {
    // What a scope reads must not depend on the session that asks.
    const pg::Identity settings_of_its_own = pg::Identity::Caller();
    for (const source::FixedSetting& each : source::kFixedSettings) pg::SetLocally(each.name, each.value);
    // Planning costs more than running: of arrays of names every plan would be a new one.
    pg::SetLocally("plan_cache_mode", "force_generic_plan");
    ScopeHealth result;
    result.as_of = now;
    result.reads = DependenciesOf(ReadSubject(scope));
    result.health = ScoreHealth(ReadHealthFacts(result.reads, now), settings);
    result.held = Hold(before.held, result.health, now, settings);
    result.score = HeldScore(result.held, result.health, settings);
    result.status = ShownStatus(result.held, result.health);
    if (result.score < result.health.score)
        result.health.issues.insert(
            result.health.issues.begin(),
            "The score would be " + PlainText(result.health.score) +
                ", but a status rises only after some evaluations and minutes well above its threshold.");
    return result;
}

pg::Json WithoutEvidence(const std::vector<HealthPart>& parts) {
    pg::Json list = Json(parts);
    for (pg::Json& part : list) {
        part.erase("evidence");
        part.erase("issues");
    }
    return list;
}

void SaveState(const std::string& scope, const ScopeHealth& result, const Seen& seen, bool changed) {
    static pg::Statement statement(
        "UPDATE pulse.signal_health_state SET score = $2, status = $3, level = $4, rising_since = $5, rising = $6,"
        " assumed = $7, parts = $8, issues = $9, as_of = $10, since = CASE WHEN $11 OR since IS NULL THEN $10 ELSE"
        " since END, snapshot = $12::pg_snapshot, computed_by = nullif($13, '')::xid8, computed_at = $14, error = NULL"
        " WHERE scope = $1",
        {TEXTOID, FLOAT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, FLOAT8OID, JSONBOID, TEXTARRAYOID,
         TIMESTAMPTZOID, BOOLOID, TEXTOID, TEXTOID, TIMESTAMPTZOID});
    statement.Execute({Value::Text(scope), Value::Float8(result.score), Value::Text(Name(result.status)),
                       Value::Text(Name(result.held.level)), Value::Time(result.held.rising_since),
                       Value::Int4(result.held.rising), Value::Float8(result.health.assumed),
                       Value::Jsonb(Json(result.health.parts)), Value::Texts(result.health.issues),
                       Value::Time(result.as_of), Value::Bool(changed), Value::Text(seen.snapshot),
                       Value::Text(seen.transaction), Value::Time(seen.at)});
}

void SaveHistory(const std::string& scope, const ScopeHealth& result) {
    static pg::Statement statement(
        "INSERT INTO pulse.signal_health_history AS h (scope, hour, score, lowest, highest, status, evaluations,"
        " assumed, parts, as_of) VALUES ($1, $2, $3, $3, $3, $4, 1, $5, $6, $7) ON CONFLICT (scope, hour) DO"
        " UPDATE SET score = excluded.score, lowest = least(h.lowest, excluded.score), highest ="
        " greatest(h.highest, excluded.score), status = excluded.status, evaluations = h.evaluations + 1,"
        " assumed = excluded.assumed, parts = excluded.parts, as_of = excluded.as_of",
        {TEXTOID, TIMESTAMPTZOID, FLOAT8OID, TEXTOID, FLOAT8OID, JSONBOID, TIMESTAMPTZOID});
    Moment hour = result.as_of - result.as_of % kHour;
    if (result.as_of < 0 && hour != result.as_of) hour -= kHour;
    statement.Execute({Value::Text(scope), Value::Time(hour), Value::Float8(result.score),
                       Value::Text(Name(result.status)), Value::Float8(result.health.assumed),
                       Value::Jsonb(WithoutEvidence(result.health.parts)), Value::Time(result.as_of)});
}

const char* SeverityOf(HealthStatus status) {
    switch (status) {
        case HealthStatus::kHealthy: return "low";
        case HealthStatus::kUnhealthy: return "high";
        case HealthStatus::kDegraded:
        case HealthStatus::kUnknown: break;
    }
    return "medium";
}

// A change of status, for channels and routes.
void Announce(const std::string& scope, HealthStatus before, const ScopeHealth& result) {
    audit::Write("signal_health.status_changed", scope,
                 {{"from", Name(before)}, {"to", Name(result.status)}, {"score", result.score}});
    delivery::PublishEvent("signal_health.status_changed", "signal_health:" + scope,
                           {{"scope", scope},
                            {"from", Name(before)},
                            {"to", Name(result.status)},
                            {"score", result.score},
                            {"issues", result.health.issues},
                            {"parts", WithoutEvidence(result.health.parts)}});
    delivery::Alert alert;
    alert.route_event = "health";
    alert.event = "signal_health.status_changed";
    alert.order_key = "signal_health:" + scope;
    // Channels that got the bad news also get the good news.
    alert.over = result.status == HealthStatus::kHealthy;
    alert.severity = SeverityOf(alert.over ? before : result.status);
    alert.subject = "signal health of " + scope;
    alert.headline = Name(result.status);
    if (scope.starts_with("segment:")) alert.segment = scope.substr(8);
    alert.sentences = {"The score is " + PlainText(result.score) + "; the status was " + Name(before) +
                       " and is " + Name(result.status) + "."};
    alert.sentences.insert(alert.sentences.end(), result.health.issues.begin(), result.health.issues.end());
    alert.data = {{"scope", scope},
                  {"from", Name(before)},
                  {"to", Name(result.status)},
                  {"score", result.score},
                  {"issues", result.health.issues}};
    delivery::RouteAlert(alert);
}

[[maybe_unused]] const bool trust_events_registered =
    delivery::RegisterEventNames({"signal_health.status_changed", "trust_gate.decision"});

void SaveProblem(const std::string& scope, const std::string& problem, bool gone) {
    // Nothing decides about what does not exist any more; its history stays.
    if (gone) {
        pg::Execute("DELETE FROM pulse.signal_health_state WHERE scope = $1", {Value::Text(scope)});
        return;
    }
    pg::Execute("UPDATE pulse.signal_health_state SET error = $2 WHERE scope = $1",
                {Value::Text(scope), Value::Text(problem)});
}

// Computes one scope so that its failure disturbs nothing else.
UpdatedScope TryUpdate(const std::string& scope, Moment now) {
    UpdatedScope updated{scope, {}, HealthStatus::kUnknown};
    std::string problem;
    bool gone = false;
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            if (const auto result = UpdateHealth(scope, now, TrustSettingsAt(now), true, false)) {
                updated.score = result->score;
                updated.status = result->status;
            }
        }
        subtransaction.Commit();
        return updated;
    } catch (const UserError& error) {
        problem = error.message();
        gone = error.state() == sqlstate::kUndefinedObject;
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        problem = error.message;
    }
    SaveProblem(scope, problem, gone);
    return updated;
}

}  // namespace

StoredScope FindStored(const std::string& scope, Moment now) {
    // Exact in whatever order transactions commit: what the snapshot does not see came later, or was not
    // committed yet. The own transaction is in no snapshot.
    static pg::Statement statement(
        "SELECT s.score, s.status, s.issues, s.parts, s.as_of, s.used_at, s.score IS NOT NULL AND"
        " s.computed_at <= clock_timestamp() AND s.computed_at > clock_timestamp() - interval '10 seconds'"
        " AND coalesce((SELECT c.xid FROM pulse.trust_change AS c ORDER BY c.xid DESC LIMIT 1)"
        " < pg_snapshot_xmax(s.snapshot), true)"
        " AND NOT EXISTS (SELECT FROM pulse.trust_change AS c WHERE c.xid ="
        " ANY (ARRAY(SELECT pg_snapshot_xip(s.snapshot)) || s.computed_by))"
        " FROM pulse.signal_health_state AS s WHERE s.scope = $1 AND s.error IS NULL",
        {TEXTOID});
    StoredScope stored;
    const pg::Result rows = statement.Execute({Value::Text(scope)});
    if (rows.empty()) return stored;
    stored.as_of = rows[0].TimeOrNull(4);
    stored.used_at = rows[0].Time(5);
    const bool recent = stored.as_of && *stored.as_of <= now && now - *stored.as_of <= kScoreLife;
    if (recent && !rows[0].IsNull(6) && rows[0].Bool(6))
        stored.holds = {rows[0].Float8(0), ReadHealthStatus(rows[0].Text(1)), rows[0].Texts(2),
                        rows[0].Jsonb(3)};
    return stored;
}

void ForgetOldChanges() {
    // A score that does not know of a change was computed before the change was seen, so it is too old to
    // hold. Of changes that are seen together the last one is marked, so that they cost one update, and they
    // are deleted in portions. Writers do the same, in transactions that can be long: nobody waits for them.
    static pg::Statement forget(
        "DELETE FROM pulse.trust_change WHERE xid = ANY (ARRAY(SELECT c.xid FROM pulse.trust_change AS c"
        " WHERE c.xid <= (SELECT s.xid FROM pulse.trust_change AS s WHERE s.seen_at < clock_timestamp()"
        " - interval '1 minute' ORDER BY s.xid DESC LIMIT 1) ORDER BY c.xid LIMIT $1 FOR UPDATE SKIP LOCKED))",
        {INT8OID});
    static pg::Statement see(
        "UPDATE pulse.trust_change SET seen_at = clock_timestamp() WHERE seen_at IS NULL AND xid = (SELECT"
        " c.xid FROM pulse.trust_change AS c WHERE c.xid < pg_snapshot_xmin(pg_current_snapshot())"
        " ORDER BY c.xid DESC LIMIT 1 FOR UPDATE SKIP LOCKED)",
        {});
    // Rows that others have deleted since its snapshot would be errors.
    if (IsolationUsesXactSnapshot()) return;
    forget.Execute({Value::Int8(kChangesAtOnce)});
    see.Execute({});
}

ScopeHealth ComputeHealth(const std::string& scope, Moment now, const StoredTrustSettings& settings) {
    return ComputeFrom(FindState(scope), scope, now, settings.settings);
}

std::optional<ScopeHealth> UpdateHealth(const std::string& scope, Moment now,
                                        const StoredTrustSettings& settings, bool history, bool wait) {
    const std::optional<StoredState> before = LockState(scope, now, wait);
    if (!before) return std::nullopt;
    ScopeHealth result = ComputeFrom(*before, scope, now, settings.settings);
    // pulse.now set back does not make the past anew: neither a status that waits to rise, nor the history.
    if (before->as_of && *before->as_of > now) return result;
    const bool changed = before->as_of && before->status != result.status;
    SaveState(scope, result, before->seen, changed);
    if (history) SaveHistory(scope, result);
    if (changed) Announce(scope, before->status, result);
    return result;
}

void BeginHealth(const std::string& scope) {
    const Moment now = pg::Now();
    if (now > pg::WallClock()) return;
    try {
        pg::Subtransaction subtransaction;
        {
            const pg::Session session;
            UpdateHealth(scope, now, TrustSettingsAt(now), true, false);
        }
        subtransaction.Commit();
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
    } catch (const UserError&) {
        return;
    }
}

std::vector<UpdatedScope> UpdateAllHealth() {
    const Moment now = pg::PastNow();
    ForgetOldChanges();
    MeasureOwnSignals(now);
    // What causes an automation may be rare: the gate must know its health whenever that happens.
    pg::Execute(
        "UPDATE pulse.signal_health_state AS s SET used_at = $1 FROM pulse.automation AS a WHERE a.status ="
        " 'active' AND s.scope = 'automation:' || a.name AND s.used_at < $1 - interval '1 day'",
        {Value::Time(now)});
    std::vector<std::string> scopes{"all"};
    {
        const pg::Result rows = pg::Execute(
            "SELECT scope FROM pulse.signal_health_state WHERE scope <> 'all' AND used_at > $1"
            " ORDER BY error IS NOT NULL, as_of NULLS FIRST, scope LIMIT $2",
            {Value::Time(now - kInUse), Value::Int8(kMostScopes)});
        for (uint64_t i = 0; i < rows.size(); ++i) scopes.push_back(rows[i].Text(0));
    }
    std::vector<UpdatedScope> updated;
    for (const std::string& scope : scopes) {
        pg::CheckInterrupts();
        updated.push_back(TryUpdate(scope, now));
    }
    return updated;
}

}  // namespace pulse::trust
