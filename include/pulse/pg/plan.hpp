// A statement created at run time that is planned once and kept as long as the object lives.
#pragma once

#include "pulse/pg/index_plans.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::pg {

class Plan {
  public:
    Plan(std::string sql, std::vector<Oid> types) : sql_(std::move(sql)), types_(std::move(types)) {}
    ~Plan();
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    // Both need an open Session. Prepare: resolve its names and types, without planning it.
    void Prepare();
    Result Execute(const std::vector<Value>& parameters, bool read_only = false);
    const std::string& sql() const { return sql_; }

  private:
    std::string sql_;
    std::vector<Oid> types_;
    KeptPlan plan_;
};

}  // namespace pulse::pg
