// SQL functions for flags.
#include "pulse/base/error.hpp"
#include "pulse/flag/store_flag.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/spi.hpp"

namespace pg = pulse::pg;
namespace flag = pulse::flag;

namespace {

Datum Create(const pg::Args& args, const flag::Definition& definition) {
    const std::string key = args.RequireText(0, "key");
    const std::string creator = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(flag::CreateFlag(key, definition, args.Text(2), creator));
}

Datum Update(const pg::Args& args, const std::optional<flag::Definition>& definition) {
    const std::string key = args.RequireText(0, "key");
    const std::string editor = pg::ActorName();
    const pg::OwnerSession session;
    return Int32GetDatum(flag::UpdateFlag(key, definition, args.Text(2), args.Text(3), editor));
}

// Switches, archives or restores a flag.
Datum ChangeState(FunctionCallInfo fcinfo, int32_t (*change)(const std::string&, bool, const std::string&),
                  bool state) {
    const std::string key = pg::Args(fcinfo).RequireText(0, "key");
    const std::string editor = pg::ActorName();
    const pg::OwnerSession session;
    return Int32GetDatum(change(key, state, editor));
}

}  // namespace

PULSE_FUNCTION(pulse_create_flag_text) {
    pg::RequireWritable("pulse_create_flag()");
    const pg::Args args(fcinfo);
    return Create(args, flag::ReadDefinition(args.RequireText(1, "definition")));
}

PULSE_FUNCTION(pulse_create_flag_jsonb) {
    pg::RequireWritable("pulse_create_flag()");
    const pg::Args args(fcinfo);
    return Create(args, flag::ReadDefinition(args.RequireJsonb(1, "definition")));
}

PULSE_FUNCTION(pulse_update_flag_text) {
    pg::RequireWritable("pulse_update_flag()");
    const pg::Args args(fcinfo);
    const std::optional<std::string> text = args.Text(1);
    return Update(args, text ? std::optional(flag::ReadDefinition(*text)) : std::nullopt);
}

PULSE_FUNCTION(pulse_update_flag_jsonb) {
    pg::RequireWritable("pulse_update_flag()");
    const pg::Args args(fcinfo);
    const std::optional<pg::Json> json = args.Jsonb(1);
    return Update(args, json ? std::optional(flag::ReadDefinition(*json)) : std::nullopt);
}

PULSE_WRITING_FUNCTION(pulse_delete_flag) {
    const std::string key = pg::Args(fcinfo).RequireText(0, "key");
    const pg::OwnerSession session;
    flag::DeleteFlag(key);
    PG_RETURN_VOID();
}

PULSE_WRITING_FUNCTION(pulse_enable_flag) {
    return ChangeState(fcinfo, flag::SwitchFlag, true);
}

PULSE_WRITING_FUNCTION(pulse_disable_flag) {
    return ChangeState(fcinfo, flag::SwitchFlag, false);
}

PULSE_WRITING_FUNCTION(pulse_archive_flag) {
    return ChangeState(fcinfo, flag::ArchiveFlag, true);
}

PULSE_WRITING_FUNCTION(pulse_restore_flag) {
    return ChangeState(fcinfo, flag::ArchiveFlag, false);
}
