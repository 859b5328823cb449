// The health of scopes: reading what is known, keeping the state and the history. For entry code; all need an
// open pg::Session as pg::Identity::Owner().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/trust/signal_health.hpp"
#include "pulse/trust/store_dependencies.hpp"
#include "pulse/trust/store_trust_settings.hpp"

namespace pulse::trust {

// ---- store_health_facts.cpp ----

// What is known of the subjects at a moment; read by index.
HealthFacts ReadHealthFacts(const Dependencies& scope, Moment now);

// The subjects by kind, as the queries need them.
struct ScopeNames {
    bool everything = false, people = false, any_event = false;
    std::vector<std::string> segments, tables, events;
    std::vector<std::string> sources;   // of signals: sources, destinations and their platforms
    std::vector<std::string> entities;  // of signals: the subjects themselves
    bool ad_platform = false;
};

ScopeNames NamesOf(const Dependencies& scope);

// ---- store_health_signals.cpp ----

// So long ago the figures of platforms and of analytics are compared.
constexpr int64_t kAttributionHistory = 30 * kDay;

// All that the score reads of signals.
void ReadSignalsOfScope(const ScopeNames& names, Moment now, HealthFacts& facts);

// What platforms and analytics counted for the accounts of the subjects.
std::vector<AttributionReading> ReadAttributions(const Dependencies& scope, Moment now);

// ---- store_health.cpp ----

struct ScopeHealth {
    Health health;
    HeldStatus held;
    double score = 0;  // that counts
    HealthStatus status = HealthStatus::kUnknown;
    Dependencies reads;
    Moment as_of = 0;
};

// Computes the health of a scope now, and what its stored state becomes. Throws as DependenciesOf() does.
ScopeHealth ComputeHealth(const std::string& scope, Moment now, const StoredTrustSettings& settings);

// Computes and writes the state, and with `history` the history. Empty if another transaction is doing so and
// `wait` is false.
std::optional<ScopeHealth> UpdateHealth(const std::string& scope, Moment now,
                                        const StoredTrustSettings& settings, bool history, bool wait);

// A stored score of the last seconds that still holds: nothing that it stands on has changed since.
struct StoredHealth {
    double score = 0;
    HealthStatus status = HealthStatus::kUnknown;
    std::vector<std::string> issues;
    pg::Json parts;
};
// What is stored of a scope.
struct StoredScope {
    std::optional<Moment> as_of, used_at;  // empty: nothing, or its newest computation failed
    std::optional<StoredHealth> holds;
};
StoredScope FindStored(const std::string& scope, Moment now);

// Forgets changes that no stored score can miss any more.
void ForgetOldChanges();

// For something new: the gate passes nothing without a history, so that it begins now. What cannot be
// computed blocks later. Needs an open pg::Session as pg::Identity::Owner().
void BeginHealth(const std::string& scope);

// The same for all and for each scope that is in use, each for itself: one that cannot be computed keeps its
// error and disturbs no other.
struct UpdatedScope {
    std::string scope;
    std::optional<double> score;
    HealthStatus status = HealthStatus::kUnknown;
};
std::vector<UpdatedScope> UpdateAllHealth();

// ---- store_measure.cpp ----

// Records what Pulse knows of itself as signals, unless that was done within the hour. Reads the events of
// the last 7 days.
void MeasureOwnSignals(Moment now);

}  // namespace pulse::trust
