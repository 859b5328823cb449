// The bytes of one client: TCP, or TLS over it.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>

#include "pulse/web/gateway/settings.hpp"

namespace pulse::web::gateway {

class Transport {
  public:
    using Handler = std::function<void(const boost::system::error_code&, size_t)>;
    virtual ~Transport() = default;

    virtual bool is_tls() const = 0;
    // Agree on keys before anything else.
    virtual void Handshake(Handler handler) = 0;
    // Read or write some bytes.
    virtual void Read(boost::asio::mutable_buffer buffer, Handler handler) = 0;
    virtual void Write(boost::asio::const_buffer buffer, Handler handler) = 0;
    // Tell the client that nothing follows.
    virtual void EndSending(Handler handler) = 0;
    // Read what the client still sends, to throw it away, after EndSending().
    virtual void Discard(boost::asio::mutable_buffer buffer, Handler handler) = 0;
    virtual void Close() = 0;
};

std::unique_ptr<Transport> MakeTransport(boost::asio::ip::tcp::socket socket,
                                         std::shared_ptr<boost::asio::ssl::context> tls);

// TLS with the certificate of the settings; null without one. Throws std::exception that says what is wrong.
std::shared_ptr<boost::asio::ssl::context> LoadTls(const Settings& settings);

}  // namespace pulse::web::gateway
