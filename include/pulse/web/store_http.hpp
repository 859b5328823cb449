// Answering HTTP requests.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/web/request.hpp"
#include "pulse/web/store_key.hpp"

namespace pulse::web {

struct Served {
    Answer answer;
    std::optional<FoundKey> key;
    bool refused = false;  // the key was known, but may not do this
    std::string_view route;
    std::string next;     // the token of the next slice of the body; empty if it is whole
    bool stream = false;  // more slices come as things happen: ask for the next one every second
};

// Answer a request: find its route and key, run the route's statement with the rights of the key's role, and
// give the answer. Errors become answers; what remains of one is in the server's log. Throws pg::Error where
// the whole statement is cancelled. Call it outside of any Identity and Session.
Served Serve(const Request& request);

// The rest of a long answer, or more of a stream: the slice that a token of info.next stands for, and the
// token of the one after it. Throws UserError 22023 if it is no such token, and the errors of the function
// that reads it. A stream ends with its API key.
std::pair<std::string, std::optional<std::string>> NextSlice(const std::string& token);

}  // namespace pulse::web
