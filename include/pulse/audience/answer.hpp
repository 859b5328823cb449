// What the answers of the platforms mean. Pure C++; no answer can make it fail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/audience/request.hpp"

namespace pulse::audience {

enum class Outcome : uint8_t {
    kDone,
    kPending,     // taken, and not finished: look again (Call::kProgress)
    kPartial,     // done in part, without saying which: send the same batch again
    kBadRows,     // nothing is done because of the rows in row_errors: send it without them
    kRetry,       // a later attempt may succeed
    kThrottled,   // too many requests: nothing before `wait` has passed
    kRenewToken,  // the access token is not valid: renew it once, then tell the operator
    kRestart,     // the session is lost: begin another one, with a replacement from the beginning
    kRefused,     // it will never succeed before the operator changes something
    kBlocked,     // a person must do something on the platform first: `advice` says what
    kGone,        // the audience does not exist any more
    kFlagged,     // the platform has blocked this audience
};

// "done", "pending", … as tables show it.
const char* Name(Outcome outcome);

struct RowError {
    size_t row = 0;  // of the batch
    std::string reason;
};

// The size and state of an audience, as the platform says.
struct AudienceState {
    std::optional<int64_t> size_low, size_high;  // people; equal when it is one number
    std::string status;                          // one line, as the platform calls it
    bool usable = true;
    bool expiring = false;                        // it will be deleted because nobody uses it
    std::optional<double> match_low, match_high;  // 0 to 1
};

// What became of an upload.
struct UploadProgress {
    std::optional<int64_t> received, matched, invalid;
    std::optional<double> match_low, match_high;  // 0 to 1: share of what was sent that was found
};

struct TokenGrant {
    std::string access_token;
    std::optional<std::string> refresh_token;  // a new one: the old one may be invalid from now on
    int64_t lifetime = 0;                      // microseconds; 0: not said
    std::optional<Moment> login_ends = {};     // when no token can be renewed any more, if it is said
};

// What the platform says of the login itself.
struct LoginState {
    std::optional<Moment> ends;  // empty: it does not end by time
};

struct Answer {
    Outcome outcome = Outcome::kRetry;
    std::string reason;  // empty when done; one line without secrets
    int64_t wait = 0;    // microseconds to wait, 0: not said
    std::string id;  // of the created or found audience (empty: not found), or of the upload (Google, Meta)
    bool busy = false;  // nothing was taken, because another replacement of the audience has not ended
    bool more = false;  // Call::kFind: not found, and there is another page
    std::optional<int64_t> received, invalid;  // rows of the session or request
    std::vector<RowError> row_errors;
    std::vector<std::string> warnings;  // one line each
    std::optional<AudienceState> audience;
    std::optional<UploadProgress> progress;
    std::optional<TokenGrant> token;
    std::optional<LoginState> login;
    std::string advice;  // what a person must do, of kBlocked and kFlagged
};

// `audience_name` is for Call::kFind.
Answer ReadAnswer(const Destination& destination, Call call, const http::Response& response, Moment now,
                  const std::string& audience_name = "");

}  // namespace pulse::audience
