// SQL jobs as definitions that go from one database to another. When built-in jobs run is a matter of the
// place.
#include <nlohmann/json.hpp>

#include "pulse/base/definition_kind.hpp"

namespace pulse::worker {

namespace {

using Type = DefinitionField::Type;

[[maybe_unused]] const bool jobs_registered =
    RegisterDefinitionKind(
        {.name = "job",
         .order = 170,
         .tables = {"job"},
         .read = "SELECT name, jsonb_build_object('schedule', schedule, 'command', command, 'time_zone',"
                 " time_zone, 'enabled', enabled, 'overlap', overlap, 'timeout', timeout, 'max_retries',"
                 " max_retries, 'retry_delay', retry_delay, 'jitter', jitter), false, false"
                 " FROM pulse.job WHERE kind = 'sql' AND pg_has_role($1, role_oid, 'USAGE')",
         .of_role = true,
         .fields = {{.key = "schedule", .required = true},
                    {.key = "command", .required = true},
                    {.key = "time_zone"},
                    {.key = "enabled", .type = Type::kBoolean, .absent = "true"},
                    {.key = "overlap", .absent = "\"skip\""},
                    {.key = "timeout", .absent = "\"01:00:00\""},
                    {.key = "max_retries", .type = Type::kNumber, .absent = "3"},
                    {.key = "retry_delay", .absent = "\"00:01:00\""},
                    {.key = "jitter", .absent = "\"00:00:00\""}},
         .name_argument = "job",
         .create = "pulse_schedule",
         .update = "pulse_schedule",
         .remove = "pulse_unschedule"}) &&
    RegisterWithoutDefinitions("Runs of jobs.", {"job_run"});

}  // namespace

}  // namespace pulse::worker
