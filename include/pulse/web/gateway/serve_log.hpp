// Writes the log: requests to standard output, messages to standard error.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/web/gateway/log_line.hpp"

namespace pulse::web::gateway {

class Log {
  public:
    explicit Log(boost::asio::io_context& io) : io_(io) {}
    ~Log() { Flush(); }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // What to log: requests, errors or off.
    void SetLevel(std::string_view level);
    void Request(const LogEntry& entry);
    void Message(const char* level, std::string_view message,
                 const std::vector<std::pair<std::string, std::string>>& details = {});
    // Write what waits: the lines of one round of the loop are written together.
    void Flush();

  private:
    boost::asio::io_context& io_;
    bool requests_ = true, errors_ = true, posted_ = false;
    std::string lines_;
};

}  // namespace pulse::web::gateway
