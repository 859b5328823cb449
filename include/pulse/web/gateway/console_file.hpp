// The files of the console, which lie in the program, and the answers with them. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/web/answer.hpp"
#include "pulse/web/gateway/request_reader.hpp"

namespace pulse::web::gateway {

struct ConsoleFile {
    std::string_view name;           // such as "pages/segments.js"
    std::string_view plain, packed;  // packed by gzip; empty: there is no such form
    std::string_view tag;
};

// Those of the program; script/console-files writes their list.
const std::vector<ConsoleFile>& ConsoleFiles();

// The name of the file that a path asks for: /console/app.js is app.js, /console/ is index.html. Empty if it
// is none of the console's files, but a route or another path; "." for /console itself.
std::string ConsoleFileName(std::string_view path);
// Whether a name can be one of a file: letters, digits and -_. in at most three parts that no dot begins.
bool IsFileName(std::string_view name);

// The answer with a file, or 304 where the client has it.
Answer FileAnswer(const Request& request, const ConsoleFile& file);
// 404 for a name that is no file, and the way to /console/.
Answer NoFileAnswer();
Answer ToConsoleAnswer(const Request& request);
// What the gateway answers to a request for a file with another method.
Answer OnlyReadAnswer();

}  // namespace pulse::web::gateway
