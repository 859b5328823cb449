// Statements on the outbox whose cost must not grow with the table.
#pragma once

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"

// The first message of each channel that does not wait for another one, by one probe of outbox_pending per
// channel.
#define PULSE_DUE_CHANNELS                                                                                  \
    "WITH RECURSIVE line (channel, send_at) AS ("                                                           \
    "(SELECT o.channel, o.send_at FROM pulse.outbox AS o WHERE o.status = 'pending' AND NOT o.waits"        \
    " ORDER BY o.channel, o.send_at LIMIT 1)"                                                               \
    " UNION ALL SELECT n.channel, n.send_at FROM line AS l CROSS JOIN LATERAL (SELECT o.channel, o.send_at" \
    " FROM pulse.outbox AS o WHERE o.status = 'pending' AND NOT o.waits AND o.channel > l.channel"          \
    " ORDER BY o.channel, o.send_at LIMIT 1) AS n) "

namespace pulse::delivery {

// Statements that are first run inside the scope are planned with indexes, whatever the table's size: a plan
// lives as long as the process, and a queue that is empty now may have a million rows a minute later.
class ByIndex {
  public:
    ByIndex() {
        pg::SetLocally("enable_seqscan", "off");
        pg::SetLocally("enable_bitmapscan", "off");
        pg::SetLocally("enable_hashjoin", "off");
        pg::SetLocally("enable_mergejoin", "off");
        // The small tables without a suitable index would seem expensive.
        pg::SetLocally("jit", "off");
    }

  private:
    pg::Identity identity_ = pg::Identity::Owner();
};

}  // namespace pulse::delivery
