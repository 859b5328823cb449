// No answer of a platform makes reading it fail, whatever it is, and what it says has limits. Any value of an
// identifier is invalid or has the form that the platform wants; a packed person comes back; a request is
// JSON.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <audience_testing.hpp>

#include "pulse/audience/prepared_person.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"

#include <nlohmann/json.hpp>

namespace {

using namespace pulse::audience;
using pulse::testing::MakeAudienceDestination;

void Expect(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

void ReadAnyAnswer(const Destination& destination, uint8_t choice, const std::string& text) {
    static constexpr int kStatuses[] = {200, 200, 202, 400, 401, 403, 404, 429, 500, 0, 302};
    const auto call = static_cast<Call>(choice % 9);
    pulse::http::Response response =
        pulse::testing::MakeAudienceResponse(kStatuses[choice % std::size(kStatuses)], text);
    response.headers = {{"x-business-use-case-usage", text}};
    const Answer answer = ReadAnswer(destination, call, response, 0, text);
    Expect(answer.wait >= 0 && answer.wait <= pulse::kDay, "wait");
    Expect(answer.reason.size() <= 4096 && answer.warnings.size() <= 10, "reason");
    Expect(pulse::ValidUtf8(answer.reason) == answer.reason.size(), "UTF-8");
    Expect(answer.reason.find('\n') == std::string::npos, "one line");
    Expect((answer.outcome == Outcome::kDone) == answer.reason.empty(), "a reason unless done");
    if (answer.outcome == Outcome::kBadRows) Expect(!answer.row_errors.empty(), "rows");
    if (call == Call::kRenew && answer.outcome == Outcome::kDone && RenewsTokens(destination.platform))
        Expect(answer.token && !answer.token->access_token.empty(), "token");
    if (answer.progress && answer.progress->match_low)
        Expect(*answer.progress->match_low >= 0 &&
                   *answer.progress->match_low <= *answer.progress->match_high &&
                   *answer.progress->match_high <= 1,
               "match rate");
}

void SendAnybody(const Destination& destination, const std::string& text) {
    PersonValues values;
    for (const IdentifierKind kind : KindsOf(destination.platform)) values.emplace_back(kind, text);
    values.emplace_back(IdentifierKind::kEmail, "ann@example.com");
    const Preparation prepared = Prepare(destination.rules, destination.identifiers, values);
    for (const Cell& cell : prepared.person.cells) {
        Expect(!cell.value.empty(), "an empty cell");
        if (IsHashed(destination.rules, cell.kind)) Expect(LooksHashed(cell.value), "no hash");
        Expect(cell.value != Sha256Hex(""), "the hash of nothing");
    }
    Expect(Unpack(Pack(prepared.person)) == prepared.person, "packing");
    const Member member{prepared.person, ConsentState::kGranted};
    for (const Operation operation : {Operation::kAdd, Operation::kRemove})
        for (const Batch& batch : MakeBatches(destination, operation, {&member, 1})) {
            if (destination.platform == Platform::kFile) continue;
            const auto request =
                UploadRequest(destination, "token", {text, SessionPlace{}, false, false, "msg_1"}, batch, 0);
            Expect(pulse::ParseJson(request.body).is_object(), "JSON");
            Expect(request.url.find_first_of(" \n\r") == std::string::npos, "URL");
        }
    if (destination.platform == Platform::kFile) FileLines(destination, Operation::kAdd, prepared.person);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::vector<Destination> destinations = [] {
        std::vector<Destination> all;
        for (const Platform platform : kPlatforms)
            all.push_back(MakeAudienceDestination(platform, {{"country_code", "49"}, {"country", "us"}}));
        return all;
    }();
    if (size < 2) return 0;
    const Destination& destination = destinations[data[0] % destinations.size()];
    const std::string text(reinterpret_cast<const char*>(data + 2), size - 2);
    ReadAnyAnswer(destination, data[1], text);
    SendAnybody(destination, text);
    if (const auto person = Unpack(text)) Expect(Pack(*person) == text, "unpacking");
    SensitiveWords(text);
    try {
        CheckDestinationOptions(
            pulse::options::Holder::kServer,
            {{"platform", Name(destination.platform)}, {"identifiers", text}, {"account", text}});
    } catch (const pulse::UserError&) {
    }
    return 0;
}
