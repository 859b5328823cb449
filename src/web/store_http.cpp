// Answering one HTTP request: key, parameters, statement, answer.
#include "pulse/profile/store_ingest.hpp"
#include "pulse/web/store_http.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/plan.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/web/change.hpp"
#include "pulse/web/console.hpp"
#include "pulse/web/store_console.hpp"
#include "pulse/web/store_gateway.hpp"
#include "pulse/web/store_parameters.hpp"
#include "pulse/web/store_webhook_secret.hpp"

namespace pulse::web {

namespace {

using pg::Value;

// The plan of a statement of a route, made once per backend and schema of Pulse's functions. The same
// statement may have parameters of other types elsewhere.
pg::Plan& PlanOf(std::string_view statement, const std::vector<Oid>& types) {
    using Key = std::pair<std::string_view, std::vector<Oid>>;
    static std::map<Key, std::pair<std::string, std::unique_ptr<pg::Plan>>> plans;
    auto& [schema, plan] = plans[{statement, types}];
    const std::string now = pg::VerbSchema();
    if (plan && schema == now) return *plan;
    std::string sql(statement);
    for (size_t at = sql.find("{v}"); at != std::string::npos; at = sql.find("{v}", at))
        sql.replace(at, 3, now);
    schema = now;
    plan = std::make_unique<pg::Plan>(sql, types);
    return *plan;
}

pg::Result Execute(std::string_view statement, const std::vector<Value>& values, bool read_only) {
    std::vector<Oid> types;
    for (const Value& value : values) types.push_back(value.type);
    pg::Result rows = PlanOf(statement, types).Execute(values, read_only);
    if (rows.empty()) throw Refusal(404, std::string(DefaultMessage(404)));
    return rows;
}

Answer AnswerOf(const Route& route, const pg::Row& row, const std::vector<std::string>& columns,
                Served& served) {
    Answer answer{route.status, {}, ""};
    if (!row.IsNull(0))
        answer.body = row.Type(0) == BYTEAOID ? pg::ToBytes(row.Raw(0)) : row.Output(0).value_or("");
    bool typed = false;
    for (size_t i = 1; i < columns.size(); ++i) {
        const int column = static_cast<int>(i);
        if (row.IsNull(column)) continue;
        if (columns[i] == "status") answer.status = row.Int4(column);
        if (columns[i] == "next") served.next = row.Text(column);
        if (columns[i] == "stream") served.stream = row.Bool(column);
        if (columns[i] != "headers") continue;
        const pg::Json headers = row.Jsonb(column);  // it must live as long as the loop
        for (const auto& [name, value] : headers.items()) {
            typed = typed || name == "content-type";
            answer.headers.emplace_back(name, value.get<std::string>());
        }
    }
    if (!typed && answer.status != 204) answer.headers.emplace_back("content-type", route.content_type);
    return answer;
}

// The answers of the requests that are folded into one: an array of [status, body].
Answer AnswerOfEach(const Route& route, const pg::Result& rows, Served& served) {
    pg::Json list = pg::Json::array();
    const std::vector<std::string> columns = rows.ColumnNames();
    for (size_t i = 0; i < rows.size(); ++i) {
        const Answer one = AnswerOf(route, rows[i], columns, served);
        list.push_back({one.status, one.body});
    }
    return {200, {{"content-type", std::string(route.content_type)}}, DumpJson(list)};
}

Answer RunRoute(const Request& request, const RouteMatch& match, const Pairs& query, RequestBody& body,
                Served& served) {
    const Route& route = *match.route;
    if (request.from_gateway) return AnswerGateway(route, body.Json());
    if (request.folded && !route.folds) throw Refusal(400, "requests of this route are answered one by one");
    std::optional<pg::Actor> actor;
    if (served.key) actor.emplace(served.key->name);
    const pg::Identity identity = served.key ? pg::Identity::Key(served.key->role) : pg::Identity::Owner();
    // Times are in UTC in every answer; the end of the identity restores the setting.
    pg::SetLocally("timezone", "UTC");
    const std::vector<Value> values = ReadValues(request, match, query, body, served.key);
    const pg::Session session;
    const pg::Result rows = Execute(route.sql, values, route.read_only);
    if (request.folded) return AnswerOfEach(route, rows, served);
    if (route.then.empty()) return AnswerOf(route, rows[0], rows.ColumnNames(), served);
    const pg::Result seen = Execute(route.then, {Value::Text(rows[0].TextOrNull(0))}, route.read_only);
    return AnswerOf(route, seen[0], seen.ColumnNames(), served);
}

void RefuseKey(Served& served, int status, const std::string& message, const std::string& detail) {
    served.refused = true;
    throw Refusal(status, message, detail);
}

// A key in the body of events, where Segment's and PostHog's libraries put it.
std::optional<PresentedKey> KeyInBody(const Route& route, RequestBody& body) {
    if (route.access != Access::kSend) return std::nullopt;
    if (!pg::Root(body.Json()).Is(json::Type::kObject)) return std::nullopt;
    for (const char* name : {"writeKey", "api_key", "token"}) {
        const json::Value found = body.Member(name);
        if (found.Is(json::Type::kText)) return PresentedKey{std::string(found.text), false};
    }
    return std::nullopt;
}

void CheckMay(const FoundKey& key, const Request& request, const Route& route, Served& served) {
    if (key.source && route.access != Access::kSend)
        RefuseKey(served, 403, "the key of an event source may only send events", "");
    if (!Allows(key.kind, route.access))
        RefuseKey(served, 403, "the API key may not do this",
                  "Its kind is " + std::string(Name(key.kind)) + ", and this needs one that may " +
                      Name(route.access) + ".");
    const std::string_view origin = request.Header("origin");
    if (!origin.empty() && key.origins && !MatchesOrigin(*key.origins, origin))
        RefuseKey(served, 403, "the API key may not be used by this web page", "");
}

// A key that nobody signs in with counts the refusal, as it does elsewhere.
void CheckSignIn(const Route& route, RequestBody& body, Served& served) {
    if (route.method != "POST" || route.path != "/console/session") return;
    const json::Value text = body.Member("key");
    std::optional<FoundKey> key = text.Is(json::Type::kText) ? FindKey(std::string(text.text)) : std::nullopt;
    const std::string problem = key ? SignInProblem(*key) : "";
    if (problem.empty()) return;
    served.key = std::move(key);
    RefuseKey(served, 403, "the API key is not for the console", problem);
}

void CheckKey(const Request& request, const Route& route, const Pairs& query, RequestBody& body,
              Served& served) {
    if (route.access == Access::kNone) return CheckSignIn(route, body, served);
    std::optional<PresentedKey> presented = FindPresentedKey(request, query);
    const bool in_head = presented.has_value();
    const std::optional<std::string> token =
        in_head || !request.console ? std::nullopt : SessionToken(request.Header("cookie"));
    if (token) {
        served.key = FindSession(*token);
        if (!served.key) throw Refusal(401, "the session has ended", "Sign in again.");
        CheckMay(*served.key, request, route, served);
        return;
    }
    if (!in_head) presented = KeyInBody(route, body);
    if (!presented)
        throw Refusal(401, "an API key is missing",
                      "Send it as \"Authorization: Bearer KEY\"; pulse_create_api_key() makes one.");
    served.key = FindKey(presented->text);
    if (!served.key) throw Refusal(401, "the API key is unknown or has ended");
    if (const auto found = request.exhausted.find(served.key->id);
        !in_head && found != request.exhausted.end()) {
        served.refused = true;
        throw Refusal(429, std::string(DefaultMessage(429)), "", found->second);
    }
    if (presented->in_query && route.access != Access::kSend)
        RefuseKey(served, 403, "a key in the URL may only send events", "Send it in a header.");
    CheckMay(*served.key, request, route, served);
}

// A page of another site can make a browser send what changes something, and the cookie with it.
void CheckForgery(const Request& request, const Route& route) {
    const bool reads = route.read_only && (request.method == "GET" || request.method == "HEAD");
    const std::string problem = request.console && !reads ? ForgeryProblem(request) : "";
    if (!problem.empty()) throw Refusal(403, "this may only come from a page of the console", problem);
}

void CheckWritable(const Route& route) {
    if (!route.read_only && pg::ReadOnly())
        throw Refusal(503, "this server only reads now",
                      pg::OnStandby() ? "It is a standby: send this to the primary." : "");
}

void CheckSigned(const Request& request, Served& served) {
    if (!served.key || !served.key->must_sign) return;
    const std::string problem = CheckSignature(request, *served.key);
    if (!problem.empty()) RefuseKey(served, 401, "the webhook is not signed as it must be", problem);
}

Answer Refused(const RouteMatch& match, const Refusal& refusal) {
    const std::string subject = match.values.empty() ? "" : match.values.front();
    Answer answer = ErrorAnswer(match.family, refusal.status(), refusal.message(), refusal.detail(), subject,
                                refusal.code());
    for (auto& [name, value] : answer.headers)
        if (name == "retry-after" && refusal.retry_after() > 0) value = std::to_string(refusal.retry_after());
    return answer;
}

// 404 is for what a URL names; what a body names is part of a request that is not valid.
int StatusIn(const RouteMatch& match, const std::string& state) {
    const int status = StatusOf(state);
    const bool named = match.route->method == "GET" || match.route->read_only || !match.values.empty();
    return status == 404 && !named ? 400 : status;
}

Refusal FromError(const Request& request, const RouteMatch& match, const std::string& state,
                  const std::string& message, const std::string& detail, const std::string& hint) {
    const int status = StatusIn(match, state);
    if (status == 500 || status == 503) {
        const char* id = request.id.c_str();
        pg::Call([&] {
            ereport(LOG, (errmsg("HTTP request %s failed: %s", id, message.c_str()),
                          detail.empty() ? 0 : errdetail_log("%s", detail.c_str()),
                          errcontext("%.*s", static_cast<int>(match.route->path.size()),
                                     match.route->path.data())));
        });
        return Refusal(status, std::string(DefaultMessage(status)));
    }
    return Refusal(status, message, detail + (detail.empty() || hint.empty() ? "" : " ") + hint, 0,
                   CodeOf(state));
}

// One route in a subtransaction: a failure leaves nothing behind.
Answer Work(const Request& request, const RouteMatch& match, const Pairs& query, Served& served) {
    using Mode = pg::Subtransaction::Mode;
    try {
        pg::Subtransaction work(match.route->read_only ? Mode::kReadOnly : Mode::kReadWrite);
        RequestBody body(request);
        CheckForgery(request, *match.route);
        if (!request.from_gateway) CheckKey(request, *match.route, query, body, served);
        if (!request.from_gateway) CheckWritable(*match.route);
        if (match.route->webhook) CheckSigned(request, served);
        Answer answer = RunRoute(request, match, query, body, served);
        work.Commit();
        return answer;
    } catch (const Refusal& refusal) {
        return Refused(match, refusal);
    } catch (const UserError& error) {
        return Refused(
            match, FromError(request, match, error.state(), error.message(), error.detail(), error.hint()));
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error)) throw;
        if (error.State() == sqlstate::kInsufficientPrivilege) served.refused = true;
        return Refused(match,
                       FromError(request, match, error.State(), error.message, error.detail, error.hint));
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return Refused(match, FromError(request, match, sqlstate::kInternalError, error.what(), "", ""));
    }
}

void AddTag(const Request& request, const Route& route, Answer& answer) {
    if (!route.tagged || answer.status != 200) return;
    const std::string tag = EntityTag(answer.body);
    answer.headers.emplace_back("etag", tag);
    if (!MatchesTag(request.Header("if-none-match"), tag)) return;
    answer.status = 304;
    answer.body.clear();
    // It would promise a body.
    std::erase_if(answer.headers, [](const auto& header) { return header.first == "content-type"; });
}

bool HasHeader(const Answer& answer, std::string_view name) {
    return std::any_of(answer.headers.begin(), answer.headers.end(),
                       [&](const auto& header) { return header.first == name; });
}

void AddDefaults(Answer& answer) {
    if (!HasHeader(answer, "cache-control"))
        answer.headers.emplace_back("cache-control", HasHeader(answer, "etag") ? "no-cache" : "no-store");
    answer.headers.emplace_back("x-content-type-options", "nosniff");
}

// A browser that is led to an answer, such as an image with texts of people, has a session at hand: nothing
// in the answer runs, and pages of other origins cannot use it.
void AddConsoleHeaders(Answer& answer) {
    if (!HasHeader(answer, "content-security-policy"))
        answer.headers.emplace_back(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'");
    answer.headers.emplace_back("cross-origin-resource-policy", "same-origin");
}

// The methods of a path, also where the one that was asked for fits.
std::vector<std::string_view> MethodsOf(const std::vector<std::string>& path) {
    return FindRoute("", path).methods;
}

Answer NoRoute(const RouteMatch& match) {
    if (match.methods.empty()) return ErrorAnswer(match.family, 404, "there is nothing at this path");
    Answer answer = ErrorAnswer(match.family, 405, "");
    std::string allow = "OPTIONS";
    for (const std::string_view method : match.methods) allow += ", " + std::string(method);
    answer.headers.emplace_back("allow", allow);
    return answer;
}

Answer Find(const Request& request, Served& served) {
    std::optional<std::vector<std::string>> path = SplitPath(request.path);
    if (path) path = RoutePath(std::move(*path));
    const std::optional<Pairs> query = SplitQuery(request.query);
    if (!path || !query) return ErrorAnswer(Family::kPulse, 400, "the path or query is not valid");
    const bool internal = !path->empty() && path->front() == "gateway";
    RouteMatch match = FindRoute(request.method, *path);
    if (internal != request.from_gateway) match = {nullptr, {}, {}, match.family};
    if (request.method == "OPTIONS" && !internal && !request.console && !MethodsOf(*path).empty())
        return PreflightAnswer(request, MethodsOf(*path));
    if (!match.route) return NoRoute(match);
    served.route = match.route->path;
    Answer answer = Work(request, match, *query, served);
    AddTag(request, *match.route, answer);
    return answer;
}

// With the rights of the key, which may have ended.
std::pair<std::string, std::optional<std::string>> NextChanges(const ChangeToken& token) {
    const std::optional<FoundKey> key = FindProvenKey(token.proof);
    if (!key) return {"event: end\ndata: \"the API key has ended\"\n\n", std::nullopt};
    const pg::Identity identity = pg::Identity::Key(key->role);
    const pg::Session session;
    const pg::Result rows = pg::Execute("SELECT c.body, c.next FROM pulse.change_events($1) AS c",
                                        {Value::Text(token.position)}, true);
    return {rows[0].Text(0), PrintChangeToken({token.proof, rows[0].Text(1)})};
}

}  // namespace

std::pair<std::string, std::optional<std::string>> NextSlice(const std::string& token) {
    if (const std::optional<ChangeToken> stream = ParseChangeToken(token)) return NextChanges(*stream);
    const size_t colon = token.find(':');
    const std::string number = token.substr(0, colon);
    if (colon == std::string::npos || number.empty() || number.size() > 9 ||
        number.find_first_not_of("0123456789") != std::string::npos)
        ThrowInvalid("the token is not one of pulse_http()", "", "Give info.next of an answer, unchanged.");
    const int64_t chunk = std::stoll(number);
    const std::string file = token.substr(colon + 1);
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute("SELECT r.data, r.chunks FROM pulse.read_export($1, $2) AS r",
                                        {Value::Text(file), Value::Int8(chunk)}, true);
    const bool last = chunk >= rows[0].Int4(1);
    return {pg::ToBytes(rows[0].Raw(0)),
            last ? std::nullopt : std::optional(std::to_string(chunk + 1) + ":" + file)};
}

Served Serve(const Request& request) {
    // The query of a definition can take advisory locks, which outlive the transaction and a rollback.
    struct Unlock {
        ~Unlock() { pg::ReleaseAdvisoryLocks(); }
    } const unlock;
    Served served;
    const profile::GpcRequest gpc(request.Header("sec-gpc") == "1");
    served.answer = Find(request, served);
    AddDefaults(served.answer);
    if (request.console)
        AddConsoleHeaders(served.answer);
    else
        AddCorsHeaders(request, served.answer);
    return served;
}

}  // namespace pulse::web
