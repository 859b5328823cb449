// What this room holds about a person.
#include "pulse/profile/personal_data.hpp"

namespace pulse::flag {

namespace {

using profile::ErasureScan;
using profile::ExportPart;

// A decision about an unknown person has no profile, but the id that it was asked for.
#define PULSE_EXPOSURE_OF_PERSON "t.profile_id = ANY ($1) OR t.bucketing_id = ANY ($2)"
constexpr const char* kExposure[] = {"exposure", nullptr};
constexpr ErasureScan kExposureScans[] = {{"exposure", PULSE_EXPOSURE_OF_PERSON}, {}};
constexpr ExportPart kExposureParts[] = {
    {"exposures",
     "SELECT jsonb_build_object('flag', f.key, 'variant', t.variant, 'version', t.version, 'bucketing_id',"
     " t.bucketing_id, 'profile_id', t.profile_id, 'first_at', t.first_at) FROM pulse.exposure AS t"
     " LEFT JOIN pulse.flag AS f ON f.id = t.flag_id WHERE " PULSE_EXPOSURE_OF_PERSON
     " ORDER BY t.first_at, f.key, t.variant"},
    {}};
#undef PULSE_EXPOSURE_OF_PERSON

[[maybe_unused]] const bool exposures_registered =
    profile::RegisterPersonalData(
        {.room = "flag", .tables = kExposure, .scans = kExposureScans, .parts = kExposureParts}) &&
    profile::RegisterWithoutPersonalData("flag",
                                         {{"flag", "Definitions."}, {"flag_version", "Definitions."}});

}  // namespace

}  // namespace pulse::flag
