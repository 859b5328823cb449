#include "pulse/web/gateway/serve_transport.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace pulse::web::gateway {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class PlainTransport : public Transport {
  public:
    explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}

    bool is_tls() const override { return false; }
    void Handshake(Handler handler) override { handler({}, 0); }
    void Read(asio::mutable_buffer buffer, Handler handler) override {
        socket_.async_read_some(buffer, std::move(handler));
    }
    void Write(asio::const_buffer buffer, Handler handler) override {
        socket_.async_write_some(buffer, std::move(handler));
    }
    void EndSending(Handler handler) override {
        boost::system::error_code error;
        socket_.shutdown(tcp::socket::shutdown_send, error);
        asio::post(socket_.get_executor(), [handler = std::move(handler), error] { handler(error, 0); });
    }
    void Discard(asio::mutable_buffer buffer, Handler handler) override { Read(buffer, std::move(handler)); }
    void Close() override {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

  private:
    tcp::socket socket_;
};

class TlsTransport : public Transport {
  public:
    TlsTransport(tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
        : context_(std::move(context)), stream_(std::move(socket), *context_) {}

    bool is_tls() const override { return true; }
    void Handshake(Handler handler) override {
        stream_.async_handshake(
            asio::ssl::stream_base::server,
            [handler = std::move(handler)](const boost::system::error_code& error) { handler(error, 0); });
    }
    void Read(asio::mutable_buffer buffer, Handler handler) override {
        stream_.async_read_some(buffer, std::move(handler));
    }
    void Write(asio::const_buffer buffer, Handler handler) override {
        stream_.async_write_some(buffer, std::move(handler));
    }
    void EndSending(Handler handler) override {
        stream_.async_shutdown([this, handler = std::move(handler)](const boost::system::error_code&) {
            boost::system::error_code error;
            stream_.next_layer().shutdown(tcp::socket::shutdown_send, error);
            handler(error, 0);
        });
    }
    void Discard(asio::mutable_buffer buffer, Handler handler) override {
        stream_.next_layer().async_read_some(buffer, std::move(handler));
    }
    void Close() override {
        boost::system::error_code ignored;
        stream_.next_layer().close(ignored);
    }

  private:
    std::shared_ptr<asio::ssl::context> context_;
    asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> MakeTransport(tcp::socket socket, std::shared_ptr<asio::ssl::context> tls) {
    if (!tls) return std::make_unique<PlainTransport>(std::move(socket));
    return std::make_unique<TlsTransport>(std::move(socket), std::move(tls));
}

std::shared_ptr<asio::ssl::context> LoadTls(const Settings& settings) {
    if (settings.tls_certificate.empty()) return nullptr;
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                         asio::ssl::context::no_tlsv1_1);
    SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    context->use_certificate_chain_file(settings.tls_certificate);
    context->use_private_key_file(settings.tls_key, asio::ssl::context::pem);
    return context;
}

}  // namespace pulse::web::gateway
