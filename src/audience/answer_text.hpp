// Reading of JSON that may be anything. Pure C++.
#pragma once

#include <nlohmann/json.hpp>

#include "pulse/audience/advice.hpp"
#include "pulse/audience/answer.hpp"
#include "pulse/http/retry.hpp"

namespace pulse::audience {

// The answer's JSON object; an empty one if it is none, which `readable` says. Secrets that were replaced in
// a number are null.
nlohmann::json ReadBody(const std::string& body, bool* readable = nullptr);

// A member of an object at a path; null if there is none.
const nlohmann::json& At(const nlohmann::json& json, std::initializer_list<const char*> path);

// A text, or a number as text; empty for anything else. One line of at most 200 characters.
std::string TextAt(const nlohmann::json& json, std::initializer_list<const char*> path);

// An integer, also as text; platforms do both.
std::optional<int64_t> WholeAt(const nlohmann::json& json, std::initializer_list<const char*> path);
std::optional<double> NumberAt(const nlohmann::json& json, std::initializer_list<const char*> path);
bool FlagAt(const nlohmann::json& json, std::initializer_list<const char*> path);

// The element of an array at a path, or the object itself; null if there is none.
const nlohmann::json& FirstAt(const nlohmann::json& json, std::initializer_list<const char*> path);

// Whether a text has a part, without regard to case.
bool Mentions(const std::string& text, std::string_view part);

Answer Say(Outcome outcome, std::string reason, int64_t wait = 0);
// A person must act on the platform before anything is taken again.
Answer SayBlocked(Platform platform, Need need, std::string reason);
// By the HTTP status alone.
Answer ByStatus(Platform platform, const http::Response& response, const std::string& said);

// What each platform's answers say. The body is an object; the HTTP status is not 0.
Answer ReadMeta(Call call, const http::Response& response, const nlohmann::json& body);
Answer ReadGoogle(Call call, const http::Response& response, const nlohmann::json& body);
Answer ReadTiktok(Call call, const http::Response& response, const nlohmann::json& body, Moment now);
Answer ReadSnapchat(Call call, const http::Response& response, const nlohmann::json& body);
Answer ReadToken(Platform platform, const http::Response& response, const nlohmann::json& body, Moment now);

// The id of the audience with this name in a list of objects; empty if it has none.
std::string FindByName(const nlohmann::json& list, const std::string& name, const char* name_key,
                       const char* id_key, const char* inside = nullptr);

}  // namespace pulse::audience
