// Exports of segments over people: files in the database. For entry code of this room and of web.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::trait {

struct Export {
    int64_t id = 0;
    std::optional<std::string> segment;  // empty: everybody
    std::string filename;
    int64_t users = 0, bytes = 0;
    std::string etag, created_by;
    Moment created_at = 0;
    std::optional<Moment> kept_until;  // empty: until it is deleted
    std::string token;                 // for ReadExport()
    Moment expires_at = 0;             // of the token
    std::string state = "ready";       // queued, ready, failed
};

// What the audit log calls an export without a segment.
inline constexpr const char* kEverybody = "(everybody)";

// Throws UserError 42501 unless the caller may see people; call it outside of any Identity.
void RequireSightOfPeople();

// An export that has been written, with a new token. Needs an open Session as Identity::Owner().
Export FindExport(int64_t id);

// These check that the caller may see people (UserError 42501); call them outside of any Identity.
Export CreateExport(const std::string& segment);
// The newest first.
std::vector<Export> ListExports();
void DeleteExport(int64_t id);

struct ExportPiece {
    pg::Value data;  // bytea
    int32_t chunks = 0;
    std::string filename, etag;
    int64_t bytes = 0;
};

// One piece of the file, from 1 to chunks, for whoever has the token. Throws UserError 42501 if it is not
// valid, 22023 if there is no such piece. Needs an open Session as Identity::Owner().
ExportPiece ReadExport(const std::string& token, int64_t chunk);

}  // namespace pulse::trait
