// The SQL-callable functions about channels: arguments in, result out.
#include "pulse/delivery/channel.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"

namespace pg = pulse::pg;
namespace delivery = pulse::delivery;

PULSE_FUNCTION(pulse_channel_validator) {
    pg::ValidateOptions(fcinfo, "pulse_channel", delivery::ChannelOptions(), delivery::CheckChannelOptions);
    PG_RETURN_VOID();
}
