// Addresses that earlier dashboards had, which lead to the page of the console that shows the same. Pure C++.
#pragma once

#include <string>
#include <string_view>

namespace pulse::web::gateway {

// Where a path such as /dashboard/cdp/profiles leads, relative to it: "../../console/#/people". Empty if it
// is none of these addresses.
std::string ConsoleAlias(std::string_view path);

}  // namespace pulse::web::gateway
