#include "pulse/profile/consent_region.hpp"

#include <algorithm>
#include <optional>

namespace pulse::profile {

namespace {

bool IsCountryCode(std::string_view text) {
    return text.size() == 2 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool IsPartCode(std::string_view text) {
    return !text.empty() && text.size() <= 3 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    });
}

std::string InCapitals(std::string_view text) {
    std::string capitals(text);
    for (char& c : capitals)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return capitals;
}

// Whether all those that the region may be in say so: of all regions if it is unknown, of the parts of a
// country if only that is known.
bool AllGrant(const std::vector<ConsentDefault>& defaults, std::string_view country) {
    return std::all_of(defaults.begin(), defaults.end(), [&](const ConsentDefault& each) {
        return each.granted || !std::string_view(each.region).starts_with(country);
    });
}

std::optional<bool> DefaultOf(const std::vector<ConsentDefault>& defaults, std::string_view region) {
    for (const ConsentDefault& each : defaults)
        if (each.region == region) return each.granted;
    return std::nullopt;
}

}  // namespace

bool IsRegion(std::string_view text) {
    if (text.size() <= 2) return IsCountryCode(text);
    return text[2] == '-' && IsCountryCode(text.substr(0, 2)) && IsPartCode(text.substr(3));
}

std::string RegionOf(std::string_view country, std::string_view part) {
    const std::string nation = InCapitals(country), area = InCapitals(part);
    if (area.size() > 2 && IsRegion(area)) return area;
    if (!IsCountryCode(nation)) return "";
    return IsPartCode(area) ? nation + "-" + area : nation;
}

bool GrantedWithoutRecord(const std::vector<ConsentDefault>& defaults, bool elsewhere,
                          std::string_view region) {
    if (region.empty()) return elsewhere && AllGrant(defaults, "");
    if (region.size() == 2)
        return DefaultOf(defaults, region).value_or(elsewhere) && AllGrant(defaults, region);
    if (const std::optional<bool> own = DefaultOf(defaults, region)) return *own;
    return DefaultOf(defaults, region.substr(0, 2)).value_or(elsewhere);
}

}  // namespace pulse::profile
