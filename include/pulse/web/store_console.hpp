// Sessions of the console: who signed in with an API key in a browser.
#pragma once

#include <optional>
#include <string>

#include "pulse/web/store_key.hpp"

namespace pulse::web {

// Why nobody signs in with a key; empty for keys of people.
std::string SignInProblem(const FoundKey& key);
// Begin a session of the key with this text. Returns its token, which is kept nowhere; empty if the key is
// unknown or has ended. Throws UserError 42501 where the key is not for people. The audit log has it.
std::optional<std::string> BeginSession(const std::string& key);
// End the session with this token, if there is one. The audit log has it.
void EndSession(const std::string& token);

// The key of a session that has not ended. It ends with the key, and with the text of the key that it began
// with. Reads the newest commits, without a query.
std::optional<FoundKey> FindSession(const std::string& token);
// The same by KeyProof() of the token.
std::optional<FoundKey> FindSessionByDigest(const std::string& digest);

}  // namespace pulse::web
