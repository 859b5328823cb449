// Checks the text of requests, and cleans the text of answers.
#pragma once

#include "pulse/http/request.hpp"

namespace pulse::http::client {

// Why a request must not be sent: some text in it would begin another line or command. Empty if it is valid.
std::string Malformed(const Request& request);

// Replaces secrets in a text, in all forms in which a server or library may repeat them. If the text was
// `cut`, also the beginning of a secret at its end.
std::string Scrub(std::string text, const std::vector<std::string>& secrets, bool cut = false);

// The text as UTF-8 that every database can store: invalid bytes and NUL become U+FFFD.
std::string CleanUtf8(const std::string& text);

// The text in one line.
std::string OneLine(const std::string& text);

}  // namespace pulse::http::client
