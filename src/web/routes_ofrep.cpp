#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> OfrepRoutes() {
    return {};
}

}  // namespace pulse::web
