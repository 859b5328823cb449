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

// What platforms and analytics counted for the accounts of the subjects.
std::vector<AttributionReading> ReadAttributions(const Dependencies& scope, Moment now);

// ---- store_health.cpp ----

// What a score stands on: if none of these has changed, a score of a few seconds ago still holds.
struct Marks {
    int64_t incident = 0, signal = 0;
    Moment settings_from = 0;
    bool operator==(const Marks&) const = default;
};
Marks CurrentMarks(Moment settings_from);

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
std::optional<ScopeHealth> UpdateHealth(const std::string& scope, Moment now, bool history, bool wait);

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
