// What holds for people of whom no consent is recorded, by region, as in Google's consent mode. Pure C++.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pulse::profile {

// A row of pulse.consent_default: for a country or a part of one, by ISO 3166-2 ("DE", "US-CA").
struct ConsentDefault {
    std::string region;
    bool granted = false;
};

// Whether it is the code of a country or a part of one, in capitals.
bool IsRegion(std::string_view text);

// The region that a person's attributes say: "US-CA", of a country and a part of it with or without the
// country ("US", "ca"; "", "US-CA"); "US"; or "" if neither is a code.
std::string RegionOf(std::string_view country, std::string_view part);

// Whether consent holds in a region where none is recorded: by the row of the region, else of its country,
// else `elsewhere`. In an unknown region the strictest of all counts, in an unknown part of a country the
// strictest of that country.
bool GrantedWithoutRecord(const std::vector<ConsentDefault>& defaults, bool elsewhere,
                          std::string_view region);

}  // namespace pulse::profile
