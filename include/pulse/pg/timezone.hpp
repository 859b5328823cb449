// PostgreSQL's time zones, for code that plans by the clock on somebody's wall.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/pg/error.hpp"

namespace pulse::pg {

class TimeZone {
  public:
    // By its name, e.g. Europe/Paris. Throws UserError 22023 when there is none.
    explicit TimeZone(const std::string& name);
    // The one of this session.
    static TimeZone OfSession();

    // Microseconds that its clock is ahead of UTC at an instant.
    int64_t OffsetAt(Moment moment) const;

  private:
    const pg_tz* zone_;
};

}  // namespace pulse::pg
