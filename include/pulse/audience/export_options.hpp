// What pulse_export_audience() is asked for: columns, events, filters. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

#include "pulse/rule/ast.hpp"
#include "pulse/trait/people_filter.hpp"

namespace pulse::audience {

enum class ExportFormat { kCsv, kJsonLines };
const char* Name(ExportFormat format);
// "csv" or "jsonl"; "json" is another name of the latter. Throws UserError 22023.
ExportFormat ReadExportFormat(const std::string& text);

enum class ExportColumnKind {
    kProfileId,
    kExternalId,  // the user id seen first
    kSince,       // of the membership
    kFirstSeen,
    kLastSeen,
    kEventCount,
    kSegments,
    kIdentity,       // ids of the kind `argument`
    kAttribute,      // the attribute `argument`
    kAllAttributes,  // as an object
    kAllTraits,      // stands for one column for each trait
    kRule            // a trait, rfm.*, lifecycle, or an expression
};

struct ExportColumn {
    ExportColumnKind kind = ExportColumnKind::kProfileId;
    std::string name;      // in the header, or as a key
    std::string argument;  // the kind of ids, the attribute, or the text of the rule
};

struct ExportedEvents {
    int days = 30, most = 100;
    std::vector<std::string> names;  // empty: any
};

struct ExportOptions {
    std::vector<ExportColumn> columns;
    std::optional<ExportedEvents> events;
    bool hashed = false;
    std::string consent;  // the purpose; empty: none is asked for
    std::optional<trait::PeopleFilter> filter;
    std::vector<std::string> filter_keys;
    std::string where;        // a rule; empty: none
    bool background = false;  // the job exports writes it
};

// Read the options. Throws UserError 22023, and 54000 for lists that are too long.
ExportOptions ReadExportOptions(const nlohmann::json& options);

// The kind holds hashes already, as email_hash.
bool IsHashedKind(const std::string& kind);

}  // namespace pulse::audience
