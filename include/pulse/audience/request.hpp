// The requests to each platform. This is the only place of the room that adds secrets to requests. Pure C++.
#pragma once

#include <optional>
#include <string>

#include "pulse/audience/upload.hpp"
#include "pulse/http/request.hpp"

namespace pulse::audience {

// What a request is for; ReadAnswer() needs it.
enum class Call : uint8_t {
    kCreate,     // an audience
    kFind,       // an audience by its name: after a creation whose result is unknown
    kUpload,     // additions or removals
    kReplace,    // a batch of a replacement (Meta)
    kRemoveAll,  // all members older than a time (Google)
    kAudience,   // the size and state of an audience
    kProgress,   // what became of an upload
    kDelete,     // an audience
    kRenew,      // an access token
    kLogin,      // until when the access token is good (Meta)
};

struct AudienceText {
    std::string name, description;
};

struct Upload {
    std::string audience;                 // the platform's id; of a webhook or file the name
    std::optional<SessionPlace> session;  // Meta only, and always there
    bool replace = false;                 // Meta only: usersreplace
    bool validate_only = false;           // Google only: check without doing
    std::string key;                      // of a webhook: the same in all attempts
};

// `token` is the current access token; empty for a webhook. Throws std::logic_error for a call that the
// platform does not have (FactsOf()).
http::Request CreateRequest(const Destination& destination, const std::string& token,
                            const AudienceText& text);
// `page` from 1: while the answer says that there is more (TikTok), ask for the next one.
http::Request FindRequest(const Destination& destination, const std::string& token, const std::string& name,
                          int page = 1);
http::Request UploadRequest(const Destination& destination, const std::string& token, const Upload& upload,
                            const Batch& batch, Moment now);
http::Request RemoveAllRequest(const Destination& destination, const std::string& token,
                               const std::string& audience, Moment as_of);
http::Request AudienceRequest(const Destination& destination, const std::string& token,
                              const std::string& audience);
// `upload` is the id of Meta's session, or of Google's request.
http::Request ProgressRequest(const Destination& destination, const std::string& token,
                              const std::string& audience, const std::string& upload);
http::Request DeleteRequest(const Destination& destination, const std::string& token,
                            const std::string& audience);

// The wait before check number `checks` (1 or more) of what became of an upload, in microseconds; 0: stop
// asking.
int64_t ProgressDelay(Platform platform, int checks);

// Whether the platform can be asked until when an access token is good.
bool TellsLogin(Platform platform);
http::Request LoginRequest(const Destination& destination, const std::string& token);

// Whether the platform's access tokens end after about an hour and are renewed with a refresh token.
bool RenewsTokens(Platform platform);
// Exchanges the refresh token of the mapping for an access token. Throws UserError 22023 when an option is
// missing.
http::Request RenewRequest(const Destination& destination);

// ---- files ----

// CSV: the line of names, and the lines of one person, with line ends.
std::string FileHeader(const Destination& destination);
std::string FileLines(const Destination& destination, Operation operation, const PreparedPerson& person);

// ---- preview ----

// A request as text, with its method, URL, headers and body; secrets are shown as ***.
std::string PreviewText(const http::Request& request);

}  // namespace pulse::audience
