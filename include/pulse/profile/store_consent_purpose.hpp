// Purposes of consent. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pulse::profile {

struct ConsentPurposeRequest {
    std::string purpose;
    std::optional<std::vector<std::string>> categories;
    std::optional<bool> granted_by_default;
};

// Create or change a purpose. Throws UserError.
void SetConsentPurpose(const ConsentPurposeRequest& request);
// Set what holds for people of a region of whom nothing is recorded; nothing: what holds elsewhere.
void SetConsentDefault(const std::string& purpose, const std::string& region, std::optional<bool> granted);
// Drop one that nothing was said about.
void DropConsentPurpose(const std::string& purpose);

}  // namespace pulse::profile
