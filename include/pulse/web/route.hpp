// The routes of Pulse over HTTP. Pure C++: the library, which answers requests, and the gateway, which
// carries them, are compiled with the same table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulse::web {

// The version of the agreement between library and gateway: both compare it when the gateway connects.
inline constexpr int kInterfaceVersion = 2;

// Whose clients speak a route. It decides the form of errors.
enum class Family { kPulse, kTinyCdp, kSegment, kOfrep, kStratum };
const char* Name(Family family);

// What a key must be able to do; each kind of key allows a set of these (doc/web.md).
enum class Access { kNone, kSend, kDecide, kRead, kWrite, kAdmin };
const char* Name(Access access);

// Which connections of the gateway carry a route: a slow statement never holds up a decision or events.
enum class Lane { kDecide, kIngest, kOther };

enum class In { kPath, kQuery, kBody, kWholeBody, kText, kEvent, kRequest };
// kId is a number that Pulse gave: another text in a path is not found, which is no mistake in its form.
enum class Type { kText, kId, kInteger, kNumber, kBoolean, kTime, kJson, kTexts };
const char* Name(Type type);

// One parameter of a route, in the order of $1, $2, … of its statement.
//   kPath, kQuery, kBody: the member `name` of the path, of the query, or of the JSON object in the body
//   kWholeBody: the body as JSON; kText: the body as text; kEvent: the body as an event of type `name`, in
//   a list, since the route folds
//   kRequest: what is known of the request: "url" (up to the path), "path", "last_event_id", "key" (its id),
//   "key_name", "kind" (of the key), "session" (its token), "scheme", "source" (of events), "address",
//   "accept", "service" (the first part of the path)
struct Parameter {
    std::string_view name;
    In in = In::kQuery;
    Type type = Type::kText;
    bool required = false;
    std::string_view fallback = {};  // the value of an absent one; without it null
    std::string_view synonym = {};   // another name that clients use
    int64_t least = INT64_MIN, most = INT64_MAX;
    std::string_view one_of = {};  // the texts that are valid: "open, resolved"; any if empty
};

struct Route {
    std::string_view method;
    // Segments in braces are parameters: "/api/segments/{id}". "{key...}" takes the rest of the path.
    std::string_view path;
    Family family = Family::kPulse;
    Access access = Access::kAdmin;
    bool read_only = false;  // runs in a read-only transaction, also on a standby
    Lane lane = Lane::kOther;
    bool large = false;    // the body may be a batch
    bool folds = false;    // one call may answer several requests that differ in their bodies alone
    bool tagged = false;   // the answer has an ETag, and is 304 where the client has it
    bool webhook = false;  // must be signed where the key has a secret for that
    int status = 200;      // of an answer that names none
    std::string_view summary;
    // One statement. Its columns: the answer (json, jsonb, text, bytea or null), then optionally `status`,
    // `headers` (jsonb), `next` (the token of the next slice) and `stream` (boolean). No row: 404. {v} is the
    // schema of Pulse's functions, whose calls give all arguments by position, with their exact types: so no
    // function of another role in that schema fits better.
    std::string_view sql = {};
    std::vector<Parameter> parameters = {};
    // Another statement that gives the answer, after `sql`, whose first column (text) is its $1: it sees what
    // `sql` has changed.
    std::string_view then = {};
    std::string_view content_type = "application/json";
};

// All routes, by path and method.
const std::vector<Route>& Routes();

// The percent-decoded segments of a path; empty if it is not one: it does not begin with "/", has "." or ".."
// segments, an invalid escape, a NUL or invalid UTF-8. Repeated and trailing slashes do not count.
std::optional<std::vector<std::string>> SplitPath(std::string_view path);
// The decoded names and values of a query, in its order; empty if an escape, NUL or UTF-8 is invalid.
std::optional<std::vector<std::pair<std::string, std::string>>> SplitQuery(std::string_view query);

struct RouteMatch {
    const Route* route = nullptr;
    std::vector<std::string> values;        // of the parameters in the path, in their order
    std::vector<std::string_view> methods;  // if only the method does not fit: those that do
    Family family = Family::kPulse;         // of the answer, also where no route fits
};

// The route of a request. HEAD is GET.
RouteMatch FindRoute(std::string_view method, const std::vector<std::string>& path);

// The public functions of Pulse that a route's statements call, for people.
std::vector<std::string> FunctionsOf(const Route& route);

}  // namespace pulse::web
