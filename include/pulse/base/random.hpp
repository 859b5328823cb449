// Random numbers for jitter.
#pragma once

namespace pulse {

// A random number in [0, 1). Not for secrets.
double RandomFraction();

}  // namespace pulse
