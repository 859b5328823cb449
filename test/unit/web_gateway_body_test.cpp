#include "pulse/web/gateway/body_decoder.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace pulse::web::gateway {

namespace {

constexpr int kGzipWindow = 31, kZlibWindow = 15, kRawWindow = -15;

std::string Pack(const std::string& plain, int window) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
    std::string packed(deflateBound(&stream, plain.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

struct Decoded {
    int status;
    std::string body;

    bool operator==(const Decoded&) const = default;
};

Decoded Decode(std::string body, std::string_view encoding, size_t limit = 1 << 20) {
    const int status = DecodeBody(body, encoding, limit).status;
    return {status, body};
}

const std::string kPlain = R"({"batch": ["a", "b", "a", "b", "a", "b"]})";

TEST(GatewayBody, InflatesWhatIsNamed) {
    const Decoded plain{0, kPlain};
    EXPECT_EQ(Decode(Pack(kPlain, kGzipWindow), "gzip"), plain);
    EXPECT_EQ(Decode(Pack(kPlain, kGzipWindow), " GZip "), plain);
    EXPECT_EQ(Decode(Pack(kPlain, kZlibWindow), "deflate"), plain);
    EXPECT_EQ(Decode(Pack(kPlain, kRawWindow), "deflate"), plain);
    EXPECT_EQ(Decode(kPlain, "identity"), plain);
    EXPECT_EQ(Decode(kPlain, ""), plain);
}

TEST(GatewayBody, RecognisesGzipThatIsNotNamed) {
    EXPECT_EQ(Decode(Pack(kPlain, kGzipWindow), "").body, kPlain);
    EXPECT_EQ(Decode(Pack(kPlain, kGzipWindow), "deflate").body, kPlain);
    // Two members are one body.
    EXPECT_EQ(Decode(Pack("a", kGzipWindow) + Pack("b", kGzipWindow), "gzip").body, "ab");
}

TEST(GatewayBody, RefusesOtherEncodings) {
    for (const char* encoding : {"br", "zstd", "gzip, gzip", "chunked"})
        EXPECT_EQ(Decode(kPlain, encoding).status, 415) << encoding;
}

TEST(GatewayBody, RefusesWhatIsBroken) {
    const std::string packed = Pack(kPlain, kGzipWindow);
    EXPECT_EQ(Decode(packed.substr(0, packed.size() - 1), "gzip").status, 400);
    EXPECT_EQ(Decode(packed + "x", "gzip").status, 400);
    // Streams that are empty cost time and no space: only gzip has several, and not any number.
    EXPECT_EQ(Decode(std::string("\x03\x00\x03\x00", 4), "deflate").status, 400);
    std::string many;
    for (int i = 0; i < 1001; ++i) many += Pack("", kGzipWindow);
    EXPECT_EQ(Decode(many, "gzip").status, 400);
    EXPECT_EQ(Decode("nothing", "gzip").status, 400);
    EXPECT_EQ(Decode("\x1f\x8b\x08", "").status, 400);
    EXPECT_EQ(Decode("", "gzip").status, 0);
    for (size_t i = 0; i < packed.size(); ++i) {
        std::string other = packed;
        other[i] = static_cast<char>(other[i] ^ 0x41);
        Decode(other, "gzip");  // the sanitizers watch
    }
}

TEST(GatewayBody, LimitsBombs) {
    const std::string zeros(20 << 20, '\0');
    const std::string bomb = Pack(zeros, kGzipWindow);
    EXPECT_LT(bomb.size(), size_t{30} << 10);
    EXPECT_EQ(Decode(bomb, "gzip", 64 << 20).status, 413);  // too dense
    EXPECT_EQ(Decode(Pack(std::string(900'000, 'x'), kGzipWindow), "gzip", 1 << 20).status, 0);
    EXPECT_EQ(Decode(Pack(std::string(900'000, 'x'), kGzipWindow), "gzip", 800'000).status, 413);
    // A bomb in a bomb stays closed.
    EXPECT_EQ(Decode(Pack(bomb, kGzipWindow), "gzip").body, bomb);
}

}  // namespace

}  // namespace pulse::web::gateway
