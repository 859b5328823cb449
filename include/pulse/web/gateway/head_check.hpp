// Checks of a request's head that the parser does not make. They refuse what two programs might read
// differently (request smuggling). Pure C++.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulse::web::gateway {

// Names in lower case, in the order of arrival.
using Headers = std::vector<std::pair<std::string, std::string>>;

// Why a request is refused; status 0: it is not.
struct Refusal {
    int status = 0;
    const char* reason = "";

    explicit operator bool() const { return status != 0; }
};

// Reads a head byte by byte, as it arrives: lines end with CR LF, no line continues another one (obs-fold),
// and there are no control characters.
class HeadScanner {
  public:
    enum class Result { kMore, kComplete, kRefused };
    // Scans the bytes after those already scanned. Complete: size() is that of the head.
    Result Scan(std::string_view bytes);
    size_t size() const { return at_; }
    // Whether the first line is complete.
    bool has_line() const { return has_line_; }

  private:
    size_t at_ = 0, line_ = 0;  // where the next byte is, and where its line began
    bool carriage_return_ = false, has_line_ = false;
};

// What holds for the parsed head: one Host in HTTP/1.1, one Content-Length that is a number, no
// Transfer-Encoding but "chunked", and none in HTTP/1.0.
Refusal CheckFraming(const Headers& headers, int version);

// The value of a header, that of the first where it is repeated; empty if it is absent.
std::string_view Find(const Headers& headers, std::string_view name);

}  // namespace pulse::web::gateway
