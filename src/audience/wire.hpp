// Bodies of uploads, and what requests and answers share. Pure C++.
#pragma once

#include <nlohmann/json.hpp>

#include "pulse/audience/request.hpp"

namespace pulse::audience {

// A column of a table of people: its name there, and the kinds of its cells.
struct Column {
    const char* name;
    std::vector<IdentifierKind> kinds;
};

// The columns of an upload. Additions have those of the option `identifiers`; removals have all, since the
// option may have been another one when a person was added. Always the same within a session.
std::vector<Column> ColumnsOf(const Destination& destination, Operation operation);

// The value of a row in a column; nullptr: it has none.
const std::string* ValueIn(const Row& row, const Column& column);

nlohmann::json MetaBody(const Destination& destination, const Upload& upload, const Batch& batch);
nlohmann::json GoogleBody(const Destination& destination, const Upload& upload, const Batch& batch);
nlohmann::json GoogleDestinations(const Destination& destination, const std::string& audience);
nlohmann::json TiktokBody(const Destination& destination, const Upload& upload, const Batch& batch);
nlohmann::json SnapchatBody(const Upload& upload, const Batch& batch);
nlohmann::json WebhookBody(const Destination& destination, const Upload& upload, const Batch& batch,
                           Moment now);

// A name as TikTok takes it.
std::string TiktokName(const std::string& name);

// Digits only: without act_ and hyphens.
std::string AccountId(const Destination& destination, const char* option);

}  // namespace pulse::audience
