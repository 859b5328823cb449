#include "pulse/web/gateway/body_decoder.hpp"

#include <algorithm>
#include <memory>
#include <vector>
#include <zlib.h>

namespace pulse::web::gateway {

namespace {

constexpr size_t kPiece = 64 << 10;
// Each costs time, and may be empty.
constexpr int kMostMembers = 1000;

std::string Plain(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return "";
    std::string plain(text.substr(first, text.find_last_not_of(" \t") - first + 1));
    std::transform(plain.begin(), plain.end(), plain.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return plain;
}

class Inflater {
  public:
    // `window` as of inflateInit2(): it names the format.
    explicit Inflater(int window) : good_(inflateInit2(&stream_, window) == Z_OK) {}
    ~Inflater() {
        if (good_) inflateEnd(&stream_);
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    // Only gzip may have several members.
    Refusal Inflate(std::string_view packed, size_t limit, bool members, std::string& plain) {
        if (!good_) return {503, ""};
        std::vector<Bytef> piece(kPiece);
        int ended = 0;
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
        stream_.avail_in = static_cast<uInt>(packed.size());
        const size_t most = std::min(limit, std::max(kFreeInflated, packed.size() * kMaxRatio));
        for (;;) {
            stream_.next_out = piece.data();
            stream_.avail_out = static_cast<uInt>(kPiece);
            const int result = inflate(&stream_, Z_NO_FLUSH);
            plain.append(reinterpret_cast<const char*>(piece.data()), kPiece - stream_.avail_out);
            if (plain.size() > most) return {413, "the inflated body is too large"};
            if (result == Z_STREAM_END) {
                if (stream_.avail_in == 0) return {};
                ++ended;
                if (!members || ended == kMostMembers || inflateReset(&stream_) != Z_OK)
                    return {400, "the compressed body is not valid"};
            } else if (result != Z_OK || (stream_.avail_in == 0 && stream_.avail_out > 0)) {
                return {400, "the compressed body is not valid"};
            }
        }
    }

  private:
    z_stream stream_{};
    bool good_;
};

constexpr int kGzip = 15 + 16, kZlib = 15, kRaw = -15;

// "deflate" is the format of zlib, but some send the bare stream.
int FormatOf(std::string_view body, bool gzip) {
    if (gzip) return kGzip;
    if (body.size() < 2) return kZlib;
    const auto first = static_cast<unsigned char>(body[0]), second = static_cast<unsigned char>(body[1]);
    return (first & 0x0F) == 8 && (first * 256 + second) % 31 == 0 ? kZlib : kRaw;
}

}  // namespace

Refusal DecodeBody(std::string& body, std::string_view encoding, size_t limit) {
    const std::string name = Plain(encoding);
    if (!name.empty() && name != "identity" && name != "gzip" && name != "x-gzip" && name != "deflate")
        return {415, "the Content-Encoding is not gzip, deflate or identity"};
    const bool gzip = std::string_view(body).starts_with("\x1f\x8b\x08");
    if (body.empty() || ((name.empty() || name == "identity") && !gzip)) return {};
    std::string plain;
    const bool named = name == "gzip" || name == "x-gzip";
    const Refusal refusal =
        Inflater(FormatOf(body, gzip || named)).Inflate(body, limit, gzip || named, plain);
    if (!refusal) body = std::move(plain);
    return refusal;
}

}  // namespace pulse::web::gateway
