// Statements on the outbox that must not read what grows.
#pragma once

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"

// The first message of each channel that is not waiting for another one: a probe of outbox_pending for each
// channel.
#define PULSE_DUE_CHANNELS                                                                                  \
    "WITH RECURSIVE line (channel, send_at) AS ("                                                           \
    "(SELECT o.channel, o.send_at FROM pulse.outbox AS o WHERE o.status = 'pending' AND NOT o.waits"        \
    " ORDER BY o.channel, o.send_at LIMIT 1)"                                                               \
    " UNION ALL SELECT n.channel, n.send_at FROM line AS l CROSS JOIN LATERAL (SELECT o.channel, o.send_at" \
    " FROM pulse.outbox AS o WHERE o.status = 'pending' AND NOT o.waits AND o.channel > l.channel"          \
    " ORDER BY o.channel, o.send_at LIMIT 1) AS n) "

namespace pulse::delivery {

// Statements first run inside the scope are planned by index whatever the table's size is then: a plan lives
// as long as the process, and a queue that was empty when it was made may hold a million rows a minute later.
class ByIndex {
  public:
    ByIndex() {
        pg::SetLocally("enable_seqscan", "off");
        pg::SetLocally("enable_bitmapscan", "off");
        pg::SetLocally("enable_hashjoin", "off");
        pg::SetLocally("enable_mergejoin", "off");
    }

  private:
    pg::Identity identity_ = pg::Identity::Owner();
};

}  // namespace pulse::delivery
