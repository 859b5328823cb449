// Signatures of webhooks that come in.
#include <gtest/gtest.h>

#include "pulse/delivery/sign.hpp"
#include "pulse/web/signature.hpp"

namespace pulse::web {

namespace {

// The example of the specification of Standard Webhooks.
const std::string key = delivery::SigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").value();
constexpr int64_t kSent = 1614265330;
SignedMessage Example() {
    return {"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", R"({"test": 2432232314})"};
}

TEST(WebSignature, AcceptsWhatTheSpecificationShows) {
    for (const int64_t off : {-300, 0, 300})
        EXPECT_EQ(SignatureProblem(key, Example(), kSent + off), "") << off;
    for (const int64_t off : {-301, 301, 1'000'000})
        EXPECT_NE(SignatureProblem(key, Example(), kSent + off), "") << off;
}

TEST(WebSignature, AcceptsOneOfSeveral) {
    SignedMessage message = Example();
    const std::string several = "v1,AAAA v1a,x  " + std::string(message.signature);
    message.signature = several;
    EXPECT_EQ(SignatureProblem(key, message, kSent), "");
    std::string many;
    for (int i = 0; i < 10; ++i) many += "v1,AAAA ";
    many += Example().signature;
    message.signature = many;
    EXPECT_NE(SignatureProblem(key, message, kSent), "");
}

TEST(WebSignature, RefusesWhatDiffers) {
    for (std::string_view SignedMessage::*part :
         {&SignedMessage::id, &SignedMessage::body, &SignedMessage::signature}) {
        SignedMessage message = Example();
        const std::string changed = std::string(message.*part) + "x";
        message.*part = changed;
        EXPECT_NE(SignatureProblem(key, message, kSent), "");
        message.*part = "";
        EXPECT_NE(SignatureProblem(key, message, kSent), "");
    }
    for (const char* time :
         {"", "1614265331", "x", "1614265330x", "-1", " 1614265330", "99999999999999999999"}) {
        SignedMessage message = Example();
        message.timestamp = time;
        EXPECT_NE(SignatureProblem(key, message, kSent), "") << time;
    }
}

}  // namespace

}  // namespace pulse::web
