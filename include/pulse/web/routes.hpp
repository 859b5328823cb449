// The routes by what they are about: each list is a file of its own. Pure C++.
#pragma once

#include "pulse/web/route.hpp"

namespace pulse::web {

std::vector<Route> ServiceRoutes();  // health, metrics, the description of all routes
std::vector<Route> OfrepRoutes();    // decisions by the OpenFeature Remote Evaluation Protocol

}  // namespace pulse::web
