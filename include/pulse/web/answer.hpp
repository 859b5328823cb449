// Answers to HTTP requests, and errors in the form that the clients of each family of routes read. Pure C++.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/web/route.hpp"

namespace pulse::web {

struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
};

// The status of an error by its SQLSTATE; 500 for all that the sender cannot mend.
int StatusOf(std::string_view sqlstate);

// Whether clients may send the same request again later.
bool IsTransient(int status);

// The message of an error that OFREP tells from others of its status.
inline constexpr std::string_view kNotJson = "the body is not JSON";

// The word by which Stratum's clients tell an error from others of its status, such as SYNC_IN_PROGRESS;
// empty: they tell it by the status.
std::string_view CodeOf(std::string_view sqlstate);

// An error in the form of a family. `subject` is what OFREP calls the key; `detail` may be empty, like
// `code`, which only Stratum's form has.
Answer ErrorAnswer(Family family, int status, std::string_view message, std::string_view detail = {},
                   std::string_view subject = {}, std::string_view code = {});

// What the sender sees of an error without a text for people: the log has the rest.
std::string_view DefaultMessage(int status);

}  // namespace pulse::web
