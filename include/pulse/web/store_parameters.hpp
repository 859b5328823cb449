// The parameters of a route's statement.
#pragma once

#include "pulse/base/json_value.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/web/request.hpp"
#include "pulse/web/store_key.hpp"

namespace pulse::web {

// The body of a request, parsed when it is first needed; the request must live as long.
class RequestBody {
  public:
    // Throws Refusal if it is no text, or not the bodies of a folded request.
    explicit RequestBody(const Request& request);

    // As jsonb; an empty body is an empty object. Throws Refusal if it is not JSON.
    Datum Json();
    // A member of the object; absent if it has none. Throws Refusal if the body is no object.
    json::Value Member(std::string_view name);
    const std::string& text() const { return text_; }
    // Of each request that is folded here, else of this one.
    std::vector<std::string> texts() const { return texts_.empty() ? std::vector{text_} : texts_; }

  private:
    const std::string& text_;
    std::vector<std::string> texts_;
    std::optional<Datum> parsed_;
};

// The values of a route's parameters, in their order, in the current memory context. Throws Refusal where one
// is missing or not valid.
std::vector<pg::Value> ReadValues(const Request& request, const RouteMatch& match, const Pairs& query,
                                  RequestBody& body, const std::optional<FoundKey>& key);

}  // namespace pulse::web
