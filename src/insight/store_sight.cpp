#include "pulse/insight/store_sight.hpp"

#include "pulse/pg/spi.hpp"

namespace pulse::insight {

bool CallerSeesPeople() {
    const pg::Identity caller = pg::Identity::Caller();
    const pg::Session session;
    return pg::Execute("SELECT pulse.sees_people()", {}, true)[0].Bool(0);
}

}  // namespace pulse::insight
