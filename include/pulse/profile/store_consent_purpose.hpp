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
// Drop one that nothing was said about.
void DropConsentPurpose(const std::string& purpose);

}  // namespace pulse::profile
