#include "pulse/web/store_gateway.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/web/store_key.hpp"

namespace pulse::web {

namespace {

Answer Hello(const pg::Json& body) {
    const pg::Json theirs = body.value("interface", pg::Json());
    if (theirs != kInterfaceVersion)
        return ErrorAnswer(Family::kPulse, 409, "the gateway and the extension have different versions",
                           "The extension speaks interface " + std::to_string(kInterfaceVersion) +
                               ". Install both from the same build.");
    return {
        200,
        {{"content-type", "application/json"}},
        DumpJson(
            {{"version", PULSE_VERSION}, {"interface", kInterfaceVersion}, {"writable", !pg::ReadOnly()}})};
}

Answer CountUsage(const pg::Json& body) {
    std::vector<KeyUsage> usage;
    for (const pg::Json& one : body.at("usage"))
        usage.push_back({one.at("key").get<int64_t>(), one.at("requests").get<int64_t>(),
                         one.at("refusals").get<int64_t>()});
    const pg::OwnerSession session;
    AddUsage(usage);
    return {204, {}, ""};
}

}  // namespace

Answer AnswerGateway(const Route& route, Datum datum) {
    const pg::Json body = pg::ToJson(datum);
    try {
        return route.path == "/gateway/hello" ? Hello(body) : CountUsage(body);
    } catch (const pg::Json::exception& error) {
        ThrowInvalid("the body is not what the gateway sends", error.what());
    }
}

}  // namespace pulse::web
