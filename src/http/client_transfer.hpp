// One request in libcurl.
#pragma once

#include <curl/curl.h>

#include "client_target.hpp"
#include "pulse/http/client.hpp"

namespace pulse::http::client {

// A request with its libcurl handle, reusable for further requests. It cannot be moved, as libcurl has
// pointers into it.
class Transfer {
  public:
    Transfer();
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // Prepare a request; the caller adds easy() to a multi handle.
    void Begin(uint64_t number, Request request, Target target, std::shared_ptr<const AddressRules> rules,
               const std::string& agent);
    // The answer, after libcurl has finished the request.
    Response Finish(CURLcode code);
    // Clear everything except the handle.
    void Clear();

    CURL* easy() const { return easy_; }
    uint64_t number() const { return number_; }
    const Target& target() const { return target_; }
    static Transfer* Of(CURL* easy);

  private:
    static size_t OnBody(char* data, size_t size, size_t count, void* self);
    static size_t OnHeader(char* data, size_t size, size_t count, void* self);
    static size_t OnRead(char* data, size_t size, size_t count, void* self);
    static int OnDebug(CURL* easy, curl_infotype type, char* data, size_t size, void* self);
    static int OnConnected(void* self, char* address, char* local, int port, int local_port);
    static curl_socket_t OnOpen(void* self, curlsocktype purpose, curl_sockaddr* address);

    void SetCommon(const std::string& agent);
    void SetHttp();
    void SetMail();
    void AddHeader(const std::string& line);
    void KeepReply(const std::string& line);
    void KeepHeader(std::string_view line);
    void FinishMail(Response& answer, CURLcode code) const;
    std::string Explain(CURLcode code) const;

    template <typename Value>
    void Set(CURLoption option, Value value) {
        curl_easy_setopt(easy_, option, value);
    }

    CURL* easy_;
    uint64_t number_ = 0;
    Request request_;
    Target target_;
    std::shared_ptr<const AddressRules> rules_;
    curl_slist* headers_ = nullptr;
    curl_slist* receivers_ = nullptr;

    std::string body_;
    bool cut_ = false;  // the answer is longer than max_answer
    size_t header_bytes_ = 0;
    bool long_headers_ = false;
    std::string refused_;  // why an address was refused
    bool opened_ = false;  // a socket was opened
    bool no_descriptor_ = false;
    size_t sent_ = 0;  // bytes of a mail
    int socket_ = -1;  // of a mail
    std::vector<std::pair<std::string, std::string>> kept_;
    std::string reply_, refusals_;  // the last reply of an SMTP server, and those that refused a recipient
    char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace pulse::http::client
