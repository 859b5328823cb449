// Index scans for statements on tables that grow during a session.
#pragma once

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"

namespace pulse::profile {

// Statements planned inside the scope use index scans whatever the size of the tables: plans are cached, and
// a table that is empty at planning can have millions of rows some batches later in the same transaction.
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
