// Plans that are kept: when they are made, and with which settings.
#include "pulse/pg/plan.hpp"

#include "pulse/pg/background.hpp"

extern "C" {
#include "utils/plancache.h"
}

namespace pulse::pg {

namespace {

// The settings under which plans by index are made, for a scope.
class PlannerSettings {
  public:
    PlannerSettings() : level_(NewGUCNestLevel()) {
        try {
            for (const char* off :
                 {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
                SetLocally(off, "off");
            SetLocally("plan_cache_mode", "force_generic_plan");
        } catch (...) {
            AtEOXact_GUC(false, level_);
            throw;
        }
    }
    ~PlannerSettings() { AtEOXact_GUC(false, level_); }
    PlannerSettings(const PlannerSettings&) = delete;
    PlannerSettings& operator=(const PlannerSettings&) = delete;

  private:
    int level_;
};

CachedPlanSource* SourceOf(SPIPlanPtr plan) {
    List* sources = SPI_plan_get_plan_sources(plan);
    return list_length(sources) == 1 ? static_cast<CachedPlanSource*>(linitial(sources)) : nullptr;
}

// Whether a plan for all values is kept, and would be used without planning.
bool IsPlanned(const CachedPlanSource* source) {
    return source && source->is_valid && source->gplan && source->gplan->is_valid &&
           (source->cursor_options & CURSOR_OPT_GENERIC_PLAN) &&
           plan_cache_mode != PLAN_CACHE_MODE_FORCE_CUSTOM_PLAN;
}

// An invalidation may come before the statement runs, and then it is planned without the settings: such a
// plan is not used again.
class PlannedBefore {
  public:
    explicit PlannedBefore(CachedPlanSource* source) : source_(source), generation_(source->generation) {}
    ~PlannedBefore() {
        if (source_->generation != generation_ && source_->gplan) source_->gplan->is_valid = false;
    }
    PlannedBefore(const PlannedBefore&) = delete;
    PlannedBefore& operator=(const PlannedBefore&) = delete;

  private:
    CachedPlanSource* source_;
    int generation_;
};

}  // namespace

void KeptPlan::Prepare(const char* sql, const std::vector<Oid>& types) {
    if (plan_) return;
    const int options = IndexPlans::Wanted() ? CURSOR_OPT_GENERIC_PLAN : 0;
    plan_ = CallSpi(sql, [&] {
        SPIPlanPtr plan =
            SPI_prepare_cursor(sql, static_cast<int>(types.size()), const_cast<Oid*>(types.data()), options);
        if (plan) SPI_keepplan(plan);
        return plan;
    });
    if (!plan_) throw std::runtime_error(std::string("SPI could not prepare: ") + sql);
}

int KeptPlan::Execute(const char* sql, const std::vector<Oid>& types, Datum* values, const char* nulls,
                      bool read_only) {
    Prepare(sql, types);
    const auto execute = [&] {
        return CallSpi(sql, [&] { return SPI_execute_plan(plan_, values, nulls, read_only, 0); });
    };
    if (!IndexPlans::Wanted()) return execute();
    CachedPlanSource* const source = SourceOf(plan_);
    if (!IsPlanned(source)) {
        const PlannerSettings settings;
        return execute();
    }
    const PlannedBefore planned(source);
    return execute();
}

void KeptPlan::Free() {
    if (plan_) SPI_freeplan(std::exchange(plan_, nullptr));
}

Plan::~Plan() {
    plan_.Free();
}

void Plan::Prepare() {
    plan_.Prepare(sql_.c_str(), types_);
}

Result Plan::Execute(const std::vector<Value>& parameters, bool read_only) {
    std::vector<Datum> values;
    std::string nulls;
    for (const Value& parameter : parameters) {
        values.push_back(parameter.datum);
        nulls += parameter.null ? 'n' : ' ';
    }
    const int code = plan_.Execute(sql_.c_str(), types_, values.data(), nulls.c_str(), read_only);
    if (code < 0)
        throw std::runtime_error(std::string("SPI failed with ") + SPI_result_code_string(code) +
                                 " for: " + sql_);
    return Result(std::exchange(SPI_tuptable, nullptr), SPI_processed);
}

}  // namespace pulse::pg
