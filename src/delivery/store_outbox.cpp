#include "pulse/delivery/store.hpp"
#include "pulse/pg/background.hpp"

namespace pulse::delivery {

void WakeDelivery() {
    pg::PokeLauncher();
}

}  // namespace pulse::delivery
