#include "pulse/audience/identifier.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace pulse::audience {

namespace {

using K = IdentifierKind;

struct KindName {
    IdentifierKind kind;
    const char* name;
};

constexpr KindName kKindNames[] = {
    {K::kEmail, "email"},
    {K::kPhone, "phone"},
    {K::kMobileAdId, "mobile_ad_id"},
    {K::kIdfa, "idfa"},
    {K::kAaid, "aaid"},
    {K::kExternalId, "external_id"},
    {K::kFirstName, "first_name"},
    {K::kLastName, "last_name"},
    {K::kFirstInitial, "first_initial"},
    {K::kCity, "city"},
    {K::kState, "state"},
    {K::kPostalCode, "postal_code"},
    {K::kCountry, "country"},
    {K::kGender, "gender"},
    {K::kBirthDate, "birth_date"},
    {K::kBirthYear, "birth_year"},
    {K::kBirthMonth, "birth_month"},
    {K::kBirthDay, "birth_day"},
};

}  // namespace

const char* Name(IdentifierKind kind) {
    for (const KindName& each : kKindNames)
        if (each.kind == kind) return each.name;
    return "";
}

std::optional<IdentifierKind> FindIdentifierKind(std::string_view name) {
    for (const KindName& each : kKindNames)
        if (name == each.name) return each.kind;
    return std::nullopt;
}

const std::vector<IdentifierKind>& KindsOf(Platform platform) {
    static const std::vector<IdentifierKind> everything = {
        K::kEmail,      K::kPhone,      K::kMobileAdId, K::kIdfa,         K::kAaid,
        K::kExternalId, K::kFirstName,  K::kLastName,   K::kFirstInitial, K::kCity,
        K::kState,      K::kPostalCode, K::kCountry,    K::kGender,       K::kBirthDate};
    static const std::vector<IdentifierKind> google = {
        K::kEmail,      K::kPhone,     K::kMobileAdId, K::kIdfa,       K::kAaid,
        K::kExternalId, K::kFirstName, K::kLastName,   K::kPostalCode, K::kCountry};
    static const std::vector<IdentifierKind> few = {K::kEmail, K::kPhone, K::kMobileAdId, K::kIdfa, K::kAaid};
    switch (platform) {
        case Platform::kGoogle: return google;
        case Platform::kTiktok:
        case Platform::kSnapchat: return few;
        default: return everything;
    }
}

bool IsMobile(IdentifierKind kind) {
    return kind == K::kMobileAdId || kind == K::kIdfa || kind == K::kAaid;
}

bool IsStrong(IdentifierKind kind) {
    return kind == K::kEmail || kind == K::kPhone || kind == K::kExternalId || IsMobile(kind);
}

bool IsHashed(const IdentifierRules& rules, IdentifierKind kind) {
    if (!rules.hash || kind == K::kExternalId) return false;
    const bool place = kind == K::kPostalCode || kind == K::kCountry;
    switch (rules.platform) {
        case Platform::kGoogle: return !IsMobile(kind) && !place;
        case Platform::kMeta:
        case Platform::kWebhook:
        case Platform::kFile: return !IsMobile(kind);
        default: return true;
    }
}

std::string Sha256Hex(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr))
        throw std::runtime_error("SHA-256 is not to be had from OpenSSL");
    std::string hex;
    hex.reserve(size_t{2} * size);
    for (unsigned int i = 0; i < size; ++i) {
        constexpr const char* kDigits = "0123456789abcdef";
        hex += kDigits[digest[i] >> 4];
        hex += kDigits[digest[i] & 15];
    }
    return hex;
}

bool LooksHashed(std::string_view text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
           });
}

}  // namespace pulse::audience
