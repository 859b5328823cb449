// Settings that are kept with versions, each from a moment on, as this backend knows them. For entry code of
// this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/ast.hpp"

namespace pulse::insight {

// Make it static. A Version has the members version, at and enabled. What is read of the table stays until
// definitions change.
template <typename Version>
class SettingVersions {
  public:
    // `read` returns all versions in order; it is called in a pg::Session as pg::Identity::Owner().
    explicit SettingVersions(std::vector<Version> (*read)()) : read_(read) {}

    // Those that hold at a moment; before the first ones, those. Null while the newest ones are off. Valid
    // until the next call of Find(), which the next use of a rule can be: copy what is needed longer.
    const Version* Find(Moment at) {
        Refresh();
        if (versions_.empty() || !versions_.back().enabled) return nullptr;
        const Version* first = nullptr;
        for (auto version = versions_.rbegin(); version != versions_.rend(); ++version) {
            if (!version->enabled) continue;
            if (version->at <= at) return &*version;
            first = &*version;
        }
        return first;
    }

    // The tree of a name by settings that Find() returned, which `make` makes at its first use.
    template <typename Make>
    rule::ExprPtr Tree(const Version& version, const std::string& name, Make make) {
        rule::ExprPtr& tree = trees_[{version.version, name}];
        if (!tree) tree = make();
        return tree;
    }

    // The newest ones, on or off, as of now. Needs the session itself.
    std::optional<Version> Newest() const {
        const pg::LatestSnapshot latest;
        std::vector<Version> versions = read_();
        return versions.empty() ? std::nullopt : std::optional(std::move(versions.back()));
    }

  private:
    void Refresh() {
        if (watch_.Changed()) loaded_ = false;
        if (loaded_) return;
        const pg::OwnerSession session;
        const pg::LatestSnapshot latest;
        std::vector<Version> versions = read_();
        versions_ = std::move(versions);
        trees_.clear();
        loaded_ = true;
    }

    std::vector<Version> (*read_)();
    pg::Watch watch_{"definition"};
    bool loaded_ = false;  // stays false where reading fails
    std::vector<Version> versions_;
    std::map<std::pair<int, std::string>, rule::ExprPtr> trees_;
};

}  // namespace pulse::insight
