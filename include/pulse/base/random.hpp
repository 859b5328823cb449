// Chance, for pauses that must not beat in time.
#pragma once

namespace pulse {

// A random number in [0, 1). Not for secrets.
double RandomFraction();

}  // namespace pulse
