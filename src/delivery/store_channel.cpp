// Channels, read from PostgreSQL's catalogs.
#include "pulse/base/error.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/foreign.hpp"

namespace pulse::delivery {

namespace {

[[noreturn]] void ThrowUnknown(const std::string& name) {
    std::string list;
    for (const std::string& known : pg::ServerNames("pulse_channel"))
        list += (list.empty() ? "" : ", ") + known;
    throw UserError(sqlstate::kUndefinedObject, "channel \"" + name + "\" does not exist", "",
                    list.empty() ? "There are no channels yet; create one with pulse_create_channel()."
                                 : "Channels are " + list + ".");
}

}  // namespace

Channel LoadChannel(const std::string& name) {
    const std::optional<pg::ForeignServer> server = pg::FindServer("pulse_channel", name);
    if (!server) ThrowUnknown(name);
    return MakeChannel(name, server->options, server->mapping);
}

}  // namespace pulse::delivery
