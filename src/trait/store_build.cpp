// Building what is defined over people who are there already.
#include "pulse/trait/store_live.hpp"

namespace pulse::trait {

void DefinitionsWritten() {}

}  // namespace pulse::trait
