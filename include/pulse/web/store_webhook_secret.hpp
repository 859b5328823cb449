// Secrets with which senders of webhooks sign. For entry code.
#pragma once

#include <optional>
#include <string>

#include "pulse/web/request.hpp"
#include "pulse/web/store_key.hpp"

namespace pulse::web {

// Give an API key a secret, generated unless given, and return it; requests to routes for webhooks must be
// signed from now on. Checks the rights of the caller; call them outside of any Identity.
std::string SetWebhookSecret(const std::string& key, const std::optional<std::string>& secret);
void DeleteWebhookSecret(const std::string& key);

// What is wrong with the signature of a request with a key that has a secret; empty if nothing is: then the
// same request is refused from now on. Needs a transaction that can write.
std::string CheckSignature(const Request& request, const FoundKey& key);

}  // namespace pulse::web
