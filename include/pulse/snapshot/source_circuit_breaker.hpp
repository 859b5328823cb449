// Sources that are not tried again in one run: two hundred segments on a server that is down must not take
// two hundred time-outs. Pure C++.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace pulse::snapshot {

class GivenUp {
  public:
    static constexpr int kRefusals = 3;  // in a row

    // Why `source` is not tried any more; nothing while it is.
    std::optional<std::string> Reason(const std::string& source) const {
        const auto found = missed_.find(source);
        if (found == missed_.end() || !found->second.final) return std::nullopt;
        return "not tried again in this run: " + found->second.reason;
    }
    void Read(const std::string& source) { missed_.erase(source); }
    void Missed(const std::string& source, const std::string& reason, bool unreachable) {
        Miss& miss = missed_[source];
        miss.reason = reason;
        miss.final = ++miss.times >= kRefusals || unreachable;
    }

  private:
    struct Miss {
        int times = 0;
        bool final = false;
        std::string reason;
    };
    std::map<std::string, Miss> missed_;
};

}  // namespace pulse::snapshot
