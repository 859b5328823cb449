// Texts of requests and answers: what may be sent, and what may be kept.
#pragma once

#include "pulse/http/request.hpp"

namespace pulse::http::client {

// Why a request must not be sent as it is: something in it would begin another line or command. Empty when it
// may.
std::string Malformed(const Request& request);

// Takes secrets out of a text, in the forms in which a server or library may repeat them. If the text was
// `cut`, also what is left of one at its end.
std::string Scrub(std::string text, const std::vector<std::string>& secrets, bool cut = false);

// The text as UTF-8 that every database can keep: whatever is none becomes U+FFFD.
std::string CleanUtf8(const std::string& text);

// In one line.
std::string OneLine(const std::string& text);

}  // namespace pulse::http::client
