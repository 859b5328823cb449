#include "pulse/profile/personal_data.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace pulse::profile {

namespace {

std::vector<PersonalData>& PersonalDataRegistry() {
    static std::vector<PersonalData> registry;
    return registry;
}

std::vector<CoveredTable>& TablesWithout() {
    static std::vector<CoveredTable> tables;
    return tables;
}

// The order in which translation units register must not matter.
auto PlaceOf(const PersonalData& data) {
    const std::string_view room = data.room, table = data.tables[0];
    // The rows of the person are found by pulse.profile, which goes last of all.
    return std::tuple(room == "profile", table == "profile", room, table);
}

}  // namespace

bool RegisterPersonalData(const PersonalData& data) {
    std::vector<PersonalData>& registry = PersonalDataRegistry();
    registry.insert(std::upper_bound(registry.begin(), registry.end(), data,
                                     [](const PersonalData& one, const PersonalData& other) {
                                         return PlaceOf(one) < PlaceOf(other);
                                     }),
                    data);
    return true;
}

const std::vector<PersonalData>& RegisteredPersonalData() {
    return PersonalDataRegistry();
}

bool RegisterWithoutPersonalData(const char* room, const std::vector<WithoutPersonalData>& tables) {
    for (const WithoutPersonalData& each : tables)
        TablesWithout().push_back({room, each.table, false, each.reason});
    return true;
}

std::vector<CoveredTable> CoveredTables() {
    std::vector<CoveredTable> all = TablesWithout();
    for (const PersonalData& data : PersonalDataRegistry())
        for (const char* const* table = data.tables; *table; ++table)
            all.push_back({data.room, *table, true, ""});
    std::sort(all.begin(), all.end(), [](const CoveredTable& one, const CoveredTable& other) {
        return std::tie(one.room, one.table) < std::tie(other.room, other.table);
    });
    return all;
}

}  // namespace pulse::profile
