// Sessions of the console: who signed in with an API key in a browser.
#pragma once

#include <optional>
#include <string>

#include "pulse/web/store_key.hpp"

namespace pulse::web {

// What came of a sign-in: the token of a session, which is kept nowhere; or why the key is not for people;
// neither if the key is unknown or has ended.
struct SignIn {
    std::string token, refusal;
};

// Begin a session of the key with this text. The audit log has it, and a refusal counts in the key's usage.
SignIn BeginSession(const std::string& key);
// End the session with this token, if there is one. The audit log has it.
void EndSession(const std::string& token);

// The key of a session that has not ended. It ends with the key, and with the text of the key that it began
// with. Reads the newest commits, without a query.
std::optional<FoundKey> FindSession(const std::string& token);
// The same by KeyProof() of the token.
std::optional<FoundKey> FindSessionByDigest(const std::string& digest);

}  // namespace pulse::web
