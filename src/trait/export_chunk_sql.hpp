// Whether a piece of an exported file, c of pulse.export_chunk, shows people: by an id, or by the number of a
// profile as files write it. `profiles` is a bigint[], `identifiers` a text[].
#pragma once

#define PULSE_CHUNK_SHOWS(profiles, identifiers)                                              \
    "(pulse.mentions(convert_from(c.data, 'UTF8'), " identifiers ") OR cardinality(" profiles \
    ") > 0 AND convert_from(c.data, 'UTF8') ~ ('(\"(profile:)?|\"profile_id\": )('"           \
    " || array_to_string(" profiles ", '|') || ')[\",}]'))"
