// JSON text from senders. PostgreSQL refuses a document as a whole because of one character or number in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulse {

// Containers nested more deeply become null.
inline constexpr size_t kDeepestJsonText = 600;

// Replace what jsonb cannot hold, and nothing else: \u0000 and half a surrogate pair by \ufffd, numbers
// beyond numeric by their digits as a text. Returns the text itself, or `storage`; nothing if it is not JSON.
std::optional<std::string_view> RepairJson(std::string_view text, std::string& storage);

}  // namespace pulse
