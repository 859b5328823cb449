// The destination of a request: its URL, checked and taken apart by libcurl. Inside this room only.
#pragma once

#include <curl/curl.h>
#include <memory>
#include <string>
#include <vector>

#include "pulse/http/request.hpp"

namespace pulse::http::client {

struct Target {
    struct Free {
        void operator()(CURLU* url) const { curl_url_cleanup(url); }
    };
    std::unique_ptr<CURLU, Free> url;
    std::string scheme, host, port;
    std::vector<std::string> secrets;  // parts of the URL that must not be shown

    std::string Key() const { return scheme + "://" + host + ":" + port; }
};

// Reads the URL of a request. Sets `problem` if it is invalid; throws std::bad_alloc only.
Target ReadTarget(const Request& request, std::string& problem);

}  // namespace pulse::http::client
