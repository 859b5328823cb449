// PostgreSQL's time zones, for schedules in local time.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/pg/error.hpp"

namespace pulse::pg {

class TimeZone {
  public:
    // A time zone by name, e.g. Europe/Paris. Throws UserError 22023 if it does not exist.
    explicit TimeZone(const std::string& name);
    // The time zone of this session.
    static TimeZone OfSession();

    // The offset from UTC at an instant, in microseconds.
    int64_t OffsetAt(Moment moment) const;

  private:
    const pg_tz* zone_;
};

}  // namespace pulse::pg
