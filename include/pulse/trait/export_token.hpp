// The tokens in download links of exports: "ID-EXPIRY-SIGNATURE", signed with the secret of the export.
// Whoever has one may read the file until it expires. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::trait {

struct ExportToken {
    int64_t id = 0;
    int64_t expires = 0;    // seconds since 1970
    std::string signature;  // Base64 with - and _
};

std::string MakeExportToken(int64_t id, int64_t expires, std::string_view secret);

// The parts of a token, not checked; empty if the text has another form.
std::optional<ExportToken> ReadExportToken(std::string_view text);

// Whether the token was signed with this secret; takes the same time whatever the signature is.
bool IsSignedWith(const ExportToken& token, std::string_view secret);

}  // namespace pulse::trait
