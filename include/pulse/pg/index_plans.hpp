// Plans by index for statements on tables that grow during a session.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// While it lives, a Statement or Plan that has no plan yet gets one that uses indexes whatever the size of
// the tables, for all values of its parameters: plans are kept, and a table that is empty at planning can
// have millions of rows some batches later in the same transaction. Costs nothing once the plan is there.
class IndexPlans {
  public:
    IndexPlans() { ++depth_; }
    ~IndexPlans() { --depth_; }
    IndexPlans(const IndexPlans&) = delete;
    IndexPlans& operator=(const IndexPlans&) = delete;

    static bool Wanted() { return depth_ > 0; }

  private:
    static inline int depth_ = 0;
};

// A statement of SPI that is prepared at first use and kept.
class KeptPlan {
  public:
    // Both need an open Session. Prepare: resolve its names and types, without planning it.
    void Prepare(const char* sql, const std::vector<Oid>& types);
    // Returns the code of SPI_execute_plan().
    int Execute(const char* sql, const std::vector<Oid>& types, Datum* values, const char* nulls,
                bool read_only);
    // Only frees memory; raises no errors.
    void Free();

  private:
    SPIPlanPtr plan_ = nullptr;
};

}  // namespace pulse::pg
