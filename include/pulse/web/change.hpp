// Changes as server-sent events, and positions between them. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::web {

// What a stream has seen: a snapshot of PostgreSQL ("xmin:xmax:xid,…"), and when it was taken.
struct ChangePosition {
    int64_t at = 0;  // Unix time
    std::string snapshot;
};
// "1764460800-748:751:749". Empty if the text is something else.
std::optional<ChangePosition> ParseChangePosition(std::string_view text);
std::string PrintChangePosition(const ChangePosition& position);

// The events of a poll: `changes` is JSON, "[]" if nothing changed. `first`: those that open a stream, which
// tell where it begins even if nothing changed.
std::string ChangeEvents(const std::string& position, bool reset, const std::string& changes, bool first);

// The token of pulse_http_next() with which a stream goes on.
struct ChangeToken {
    std::string proof;  // KeyProof() of the API key, whose text must still work
    std::string position;
};
std::string PrintChangeToken(const ChangeToken& token);
std::optional<ChangeToken> ParseChangeToken(std::string_view text);

}  // namespace pulse::web
