// What a sync would send, and the file of an audience. For entry code of this room.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pulse/audience/store_wanted.hpp"

namespace pulse::audience {

struct PreviewLine {
    std::string part, item;
    std::optional<int64_t> people;
    std::optional<std::string> value;
};
// Reads every member, or `among` people if there are more; writes nothing. Throws UserError. Needs no
// Session.
std::vector<PreviewLine> PreviewAudience(const std::string& name, int64_t sample,
                                         std::optional<int64_t> among);

// Calls `add` for each line of the file, without its end. Returns the number of people. Needs an open
// pg::Session as pg::Identity::Owner().
int64_t ReadAudienceFile(const std::string& name, const std::function<void(const std::string&)>& add);

}  // namespace pulse::audience
