// Channels, read from PostgreSQL's catalogs.
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/delivery/store.hpp"
#include "pulse/pg/foreign.hpp"

namespace pulse::delivery {

void ThrowUnknownChannel(const std::string& name) {
    const std::vector<std::string> names = pg::ServerNames("pulse_channel");
    throw UserError(sqlstate::kUndefinedObject, "channel \"" + name + "\" does not exist", "",
                    names.empty() ? "There are no channels yet; create one with pulse_create_channel()."
                                  : SuggestName(name, names, "Channels"));
}

Channel LoadChannel(const std::string& name) {
    const std::optional<pg::ForeignServer> server = pg::FindServer("pulse_channel", name);
    if (!server) ThrowUnknownChannel(name);
    return MakeChannel(name, server->options, server->mapping);
}

}  // namespace pulse::delivery
