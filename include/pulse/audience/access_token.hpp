// Access tokens of destinations, in memory alone, and refresh tokens that are not written down yet. Pure C++.
#pragma once

#include <map>

#include "pulse/audience/answer.hpp"

namespace pulse::audience {

class AccessTokens {
  public:
    // Whether a token must be renewed before a request.
    bool MustRenew(const Destination& destination, Moment now) const;
    // The token of a request: the renewed one, or that of the user mapping.
    std::string Of(const Destination& destination) const;
    // A platform has granted a new one. A new refresh token is unwritten until Written().
    void Take(const std::string& destination, const TokenGrant& grant, Moment now);
    // The platform refuses it.
    void Drop(const std::string& destination);

    // The refresh token that must be written before anything is sent to the destination; null: none.
    const std::string* Unwritten(const std::string& destination) const;
    void Written(const std::string& destination);

  private:
    struct Token {
        std::string text;
        Moment expires_at = 0;
    };
    std::map<std::string, Token> tokens_;
    std::map<std::string, std::string> unwritten_;
};

}  // namespace pulse::audience
