#include "pulse/pg/job_kind.hpp"

#include <algorithm>
#include <stdexcept>

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::pg {

namespace {

struct Registry {
    std::vector<const JobKind*> kinds;  // by id
    std::vector<Lane> own_lanes;
    std::vector<RetentionRule> rules;  // of rooms without a kind of job
};

// Made by whoever registers first: the order in which files are initialised is not known.
Registry& TheRegistry() {
    static Registry registry;
    return registry;
}

int64_t CountRows(const std::string& call) {
    const Session session;
    return Execute("SELECT count(*) FROM " + call)[0].Int8(0);
}

}  // namespace

bool RegisterJobKind(const JobKind& kind) {
    Registry& registry = TheRegistry();
    auto place = registry.kinds.end();
    for (auto at = registry.kinds.begin(); at != registry.kinds.end(); ++at) {
        if ((*at)->id == kind.id || std::string((*at)->name) == kind.name)
            throw std::logic_error("two kinds of jobs have the same id or name");
        if (place == registry.kinds.end() && (*at)->id > kind.id) place = at;
    }
    if (kind.id < 1 || kind.id > 99) throw std::logic_error("the id of a kind of job is not from 1 to 99");
    registry.kinds.insert(place, &kind);
    if (kind.own_process) registry.own_lanes.push_back(static_cast<Lane>(registry.own_lanes.size() + 1));
    if (registry.own_lanes.size() >= kLanes)
        throw std::logic_error("too many kinds of jobs have a process of their own");
    return true;
}

const std::vector<const JobKind*>& JobKinds() {
    return TheRegistry().kinds;
}

const JobKind* FindJobKind(const std::string& name) {
    for (const JobKind* kind : JobKinds())
        if (name == kind->name) return kind;
    return nullptr;
}

// By id, so that every process numbers them alike.
Lane LaneOf(const JobKind& kind) {
    if (!kind.own_process) return Lane::kJobs;
    const auto before = std::count_if(JobKinds().begin(), JobKinds().end(), [&](const JobKind* other) {
        return other->own_process && other->id < kind.id;
    });
    return static_cast<Lane>(before + 1);
}

const std::vector<Lane>& OwnLanes() {
    return TheRegistry().own_lanes;
}

std::optional<std::string> WhyNoWorker(const JobKind& kind) {
    const std::string name = kind.name;
    if (OnStandby()) return "jobs run on the primary";
    if (!settings::run_jobs) return "pulse.run_jobs is off";
    if (FindLauncher() == 0)
        return "jobs do not run by themselves: put pulse into shared_preload_libraries, or SELECT pulse_start(); "
               "SELECT * FROM pulse_run_job('" +
               name + "') runs this one in a session";
    const Result rows = Execute("SELECT enabled FROM pulse.job WHERE kind = $1", {Value::Text(name)}, true);
    if (!rows.empty() && rows[0].Bool(0)) return std::nullopt;
    return "job " + name + " is disabled: SELECT pulse_schedule('" + name + "', enabled => true)";
}

int64_t CountCall(bool in_worker, const char* what, const std::string& call) {
    if (!in_worker) return CountRows(call);
    Transaction transaction(what);
    int64_t count;
    {
        const Identity identity = Identity::Owner();
        count = CountRows(call);
    }
    transaction.Commit();
    return count;
}

bool RegisterRetention(const std::vector<RetentionRule>& rules) {
    std::vector<RetentionRule>& all = TheRegistry().rules;
    all.insert(all.end(), rules.begin(), rules.end());
    return true;
}

std::vector<RetentionRule> RetentionRules() {
    std::vector<RetentionRule> rules = TheRegistry().rules;
    for (const JobKind* kind : JobKinds())
        rules.insert(rules.end(), kind->retention.begin(), kind->retention.end());
    std::sort(rules.begin(), rules.end(),
              [](const RetentionRule& a, const RetentionRule& b) { return a.order < b.order; });
    return rules;
}

}  // namespace pulse::pg
