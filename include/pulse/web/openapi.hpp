// The description of all routes, for programs and for people. Pure C++.
#pragma once

#include <string>

namespace pulse::web {

// OpenAPI 3.1 as JSON. `url` is where the routes are, such as https://pulse.example.
std::string OpenApi(const std::string& url, const std::string& version);

// The same as a page of HTML without scripts.
std::string RoutesPage(const std::string& version);

}  // namespace pulse::web
