#include "pulse/pg/plan.hpp"

namespace pulse::pg {

Plan::~Plan() {
    // Only frees memory; raises no errors.
    if (plan_) SPI_freeplan(plan_);
}

void Plan::Prepare() {
    if (plan_) return;
    plan_ = CallSpi(sql_.c_str(), [&] {
        SPIPlanPtr plan = SPI_prepare(sql_.c_str(), static_cast<int>(types_.size()), types_.data());
        if (plan) SPI_keepplan(plan);
        return plan;
    });
    if (!plan_) throw std::runtime_error("SPI could not prepare: " + sql_);
}

Result Plan::Execute(const std::vector<Value>& parameters, bool read_only) {
    Prepare();
    std::vector<Datum> values;
    std::string nulls;
    for (const Value& parameter : parameters) {
        values.push_back(parameter.datum);
        nulls += parameter.null ? 'n' : ' ';
    }
    const int code = CallSpi(
        sql_.c_str(), [&] { return SPI_execute_plan(plan_, values.data(), nulls.c_str(), read_only, 0); });
    if (code < 0)
        throw std::runtime_error(std::string("SPI failed with ") + SPI_result_code_string(code) +
                                 " for: " + sql_);
    return Result(std::exchange(SPI_tuptable, nullptr), SPI_processed);
}

}  // namespace pulse::pg
