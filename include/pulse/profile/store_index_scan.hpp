// Statements on tables that grow while a session lives.
#pragma once

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"

namespace pulse::profile {

// Statements planned inside the scope go by index whatever the tables' size is then: a plan is kept, and
// tables that were empty when it was made hold millions of rows some batches of the same transaction later.
class ForceIndexScans {
  public:
    ForceIndexScans() {
        for (const char* off :
             {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
            pg::SetLocally(off, "off");
    }

  private:
    pg::Identity identity_ = pg::Identity::Owner();
};

}  // namespace pulse::profile
