// The checks of a monitor, parsed from JSON and validated without the database. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::health {

using Json = nlohmann::json;

enum class CheckType {
    kFreshness,
    kVolume,
    kNullRate,
    kUnique,
    kAcceptedValues,
    kRange,
    kReferences,
    kSchema,
    kReplicationLag,
    kSql,
};

// "freshness", "volume", "null_rate" …
const char* Name(CheckType type);
std::optional<CheckType> ParseCheckType(const std::string& name);

// The detector of a check's incidents: "table_freshness" …
std::string Detector(CheckType type);

inline constexpr int kDefaultAfter = 2;  // bad checks in a row before an incident opens
inline constexpr int64_t kMinEvery = 10 * kSecond;
inline constexpr int64_t kMaxEvery = 366 * kDay;
inline constexpr int64_t kWeek = 7 * kDay;

// One check. Its type decides which fields are used.
struct Check {
    CheckType type = CheckType::kVolume;
    std::vector<std::string> columns;
    std::optional<int64_t> max_age;        // freshness; unset: learnt
    std::string time_zone;                 // freshness: of a column without one; empty: UTC
    std::optional<double> min, max;        // volume, sql, null_rate (share), replication_lag (seconds)
    std::optional<std::string> low, high;  // range: in the column's input format
    std::vector<std::string> values;       // accepted_values
    double share = 0;             // tolerated share of rows: accepted_values, range, references, unique
    bool anomaly = false;         // compare the volume with its own history
    double change = 0.2;          // volume: relative change from which it is bad
    std::string relation, to;     // references
    std::string query, name;      // sql
    std::optional<int64_t> rows;  // sql: most rows it may return
    int standbys = 1;             // replication_lag: least standbys
    std::optional<std::string> severity;  // fixed; unset: derived from how far the limit is exceeded
    int after = kDefaultAfter;
    std::optional<std::string> every;  // unset: the monitor's

    // The attribute of the check's incidents: its columns, or the name of its query.
    std::string Attribute() const;
};

// Reads and checks the list of checks. Throws UserError 22023 that names the key and lists what is valid.
std::vector<Check> ParseChecks(const Json& json);

// Reads one of them; `number` is for the error's text.
Check ParseCheck(const Json& json, size_t number);

// 22320 → "6 h 12 min"; "for ever" when it is no finite number.
std::string FormatSeconds(double seconds);

// 1234567 → "1,234,567"; fractions with four significant digits.
std::string Count(double number);

// 0.0123 → "1.23 %".
std::string Percentage(double share);

// "1 row", "2 rows".
std::string Counted(double number, const std::string& noun);

}  // namespace pulse::health
