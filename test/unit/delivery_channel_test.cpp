// Options of channels: missing and invalid options are reported, without secrets.
#include <gtest/gtest.h>

#include "pulse/base/error.hpp"
#include "pulse/delivery/channel.hpp"

namespace pulse::delivery {
namespace {

using options::Holder;

std::string Detail(const options::List& server, const options::List& mapping) {
    try {
        MakeChannel("c", server, mapping);
    } catch (const UserError& error) {
        EXPECT_EQ(error.state(), sqlstate::kInvalidParameter);
        return error.detail();
    }
    return "";
}

TEST(DeliveryChannel, ReportsMissingOptions) {
    for (const char* kind : {"slack", "teams", "webhook"}) {
        EXPECT_EQ(Detail({{"kind", kind}}, {}), "The user mapping of its owner has no option \"url\".");
        EXPECT_EQ(Detail({{"kind", kind}}, {{"url", "https://a/b"}}), "");
    }
    EXPECT_EQ(Detail({{"kind", "pagerduty"}}, {}),
              "The user mapping of its owner has no option \"routing_key\".");
    EXPECT_EQ(Detail({{"kind", "email"}}, {}), "Its server has no option \"from\", \"to\".");
    EXPECT_EQ(Detail({{"kind", "email"}, {"from", "a@b.c"}, {"to", "a@b.c"}}, {}),
              "The user mapping of its owner has no option \"api_key\".");
    EXPECT_EQ(Detail({{"kind", "email"}, {"provider", "smtp"}, {"from", "a@b.c"}}, {}),
              "Its server has no option \"host\", \"to\".");
    EXPECT_EQ(Detail({{"kind", "email"}, {"host", "h"}, {"from", "a@b.c"}, {"to", "a@b.c"}}, {{"user", "u"}}),
              "The user mapping of its owner has no option \"password\".");
    EXPECT_EQ(Detail({{"kind", "email"}, {"host", "h"}, {"from", "a@b.c"}, {"to", "a@b.c"}}, {}), "");
}

TEST(DeliveryChannel, ChoosesSmtpOrResend) {
    const options::List base = {{"kind", "email"}, {"from", "a@b.c"}, {"to", "a@b.c"}};
    EXPECT_EQ(MakeChannel("c", base, {{"api_key", "re_1"}}).kind, ChannelKind::kResend);
    options::List smtp = base;
    smtp.emplace_back("host", "mail");
    EXPECT_EQ(MakeChannel("c", smtp, {}).kind, ChannelKind::kSmtp);
}

void ExpectBad(Holder holder, const char* name, const std::string& value) {
    options::List list = {{name, value}};
    if (holder == Holder::kServer) list.insert(list.begin(), {"kind", "webhook"});
    try {
        CheckChannelOptions(holder, list);
        ADD_FAILURE() << name << " " << value;
    } catch (const UserError& error) {
        EXPECT_EQ(error.state(), sqlstate::kInvalidParameter);
        if (holder == Holder::kMapping) {
            EXPECT_EQ(error.detail(), "");
            EXPECT_EQ(error.message().find(value), std::string::npos);
        }
    }
}

TEST(DeliveryChannel, RefusesInvalidValues) {
    ExpectBad(Holder::kServer, "from", "a@b.c\r\nBcc: x@y.z");
    ExpectBad(Holder::kServer, "from", "a@b.c, d@e.f");
    ExpectBad(Holder::kServer, "to", "nobody");
    ExpectBad(Holder::kServer, "reply_to", "x");
    ExpectBad(Holder::kServer, "host", "a b");
    ExpectBad(Holder::kServer, "host", "mail/x@y");
    ExpectBad(Holder::kServer, "max_in_flight", "0");
    ExpectBad(Holder::kServer, "max_attempts", "0");
    std::string many = "a@b.c";
    for (int i = 0; i < 50; ++i) many += ",a@b.c";
    ExpectBad(Holder::kServer, "to", many);
    ExpectBad(Holder::kMapping, "secret", "hunter2hunter2");
    ExpectBad(Holder::kMapping, "routing_key", "tooshortkey");
    ExpectBad(Holder::kMapping, "header", "no colon here");
    ExpectBad(Holder::kMapping, "header", "X-A: b\r\nX-C: d");
    ExpectBad(Holder::kMapping, "header", "Content-Length: 12345");
    ExpectBad(Holder::kMapping, "header", "Webhook-Id: 12345");
    ExpectBad(Holder::kMapping, "api_key", "re_1\r\nX: y");
    ExpectBad(Holder::kMapping, "password", "a\nb");
    EXPECT_NO_THROW(CheckChannelOptions(
        Holder::kMapping, {{"header", "Authorization: Bearer abc"}, {"password", "p\xC3\xA4ss w"}}));
    EXPECT_THROW(CheckChannelOptions(Holder::kServer, {}), UserError);
}

}  // namespace
}  // namespace pulse::delivery
