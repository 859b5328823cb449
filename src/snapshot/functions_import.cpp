#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/snapshot/import.hpp"
#include "pulse/snapshot/store.hpp"

namespace {

using pulse::Moment;
using pulse::UserError;
namespace pg = pulse::pg;
namespace sqlstate = pulse::sqlstate;

constexpr int64_t kMostMembers = int64_t{1} << 53;

// A number of members, from 0 up to `limit`.
std::optional<int64_t> Members(std::optional<int64_t> count, const char* name, int64_t limit) {
    if (count && (*count < 0 || *count > limit))
        throw UserError(sqlstate::kInvalidParameter,
                        std::string("\"") + name + "\" must lie between 0 and " + std::to_string(limit),
                        "It is " + std::to_string(*count) + ".", "Give a number of members.");
    return count;
}

std::optional<int64_t> Converted(std::optional<int64_t> converted, std::optional<double> rate, int64_t size) {
    if (!rate) return Members(converted, "converted", size);
    if (converted)
        throw UserError(sqlstate::kInvalidParameter,
                        "\"converted\" and \"conversion_rate\" exclude each other", "",
                        "Give one of the two.");
    if (!(*rate >= 0 && *rate <= 1))
        throw UserError(sqlstate::kInvalidParameter, "\"conversion_rate\" must lie between 0 and 1",
                        "It is " + std::to_string(*rate) + ".", "15 % is 0.15.");
    return std::llround(*rate * static_cast<double>(size));
}

Moment TakenAt(const pg::Args& args, int i) {
    const auto moment = args.Time(i);
    const Moment latest = std::max<Moment>(pg::Now(), GetCurrentTimestamp());
    if (!moment || TIMESTAMP_NOT_FINITE(*moment) || *moment > latest)
        throw UserError(sqlstate::kInvalidParameter, "\"taken_at\" must be a finite time not later than now",
                        moment ? "It lies in the future or is infinite." : "It is null.",
                        "Give the time of the measurement.");
    return *moment;
}

}  // namespace

PULSE_WRITING_FUNCTION(pulse_import_snapshot) {
    const pg::Args args(fcinfo);
    pulse::snapshot::Import import;
    import.segment = args.RequireText(0, "segment");
    import.taken_at = TakenAt(args, 1);
    import.size = args.RequireInt8(2, "size");
    Members(import.size, "size", kMostMembers);
    import.converted = Converted(args.Int8(3), args.Float8(4), import.size);
    import.inactive = Members(args.Int8(5), "inactive", import.size);
    import.entered = Members(args.Int8(6), "entered", import.size);
    import.exited = Members(args.Int8(7), "exited", kMostMembers);
    if (const auto json = args.Jsonb(8))
        import.distributions =
            pulse::snapshot::ParseDistributions(*json, import.size, pg::settings::max_values);
    const pg::OwnerSession session;
    return Int64GetDatum(pulse::snapshot::StoreImport(import, args.Bool(9).value_or(false)));
}
