#include "pulse/profile/personal_data.hpp"

namespace pulse::profile {

namespace {

std::vector<PersonalData>& PersonalDataRegistry() {
    static std::vector<PersonalData> registry;
    return registry;
}

}  // namespace

bool RegisterPersonalData(const PersonalData& data) {
    PersonalDataRegistry().push_back(data);
    return true;
}

const std::vector<PersonalData>& RegisteredPersonalData() {
    return PersonalDataRegistry();
}

}  // namespace pulse::profile
