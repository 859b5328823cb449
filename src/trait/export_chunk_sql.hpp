// Whether a piece of an exported file, c of pulse.export_chunk, shows people: by a line of their own, or by
// an id in that of somebody else. `profiles` is a bigint[], `identifiers` a text[].
#pragma once

#define PULSE_CHUNK_SHOWS(profiles, identifiers) \
    "(c.people && " profiles " OR pulse.mentions(convert_from(c.data, 'UTF8'), " identifiers "))"
