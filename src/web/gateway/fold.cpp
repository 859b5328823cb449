#include "pulse/web/gateway/fold.hpp"

#include <nlohmann/json.hpp>

#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/web/gateway/log_line.hpp"

namespace pulse::web::gateway {

std::string FoldGroup(const Request& request, const std::optional<std::string>& key) {
    if (!request.route || !request.route->folds || request.lane != kFoldLane || !key ||
        ValidUtf8(request.body) != request.body.size())
        return "";
    std::string group = *key;
    const std::string_view query = request.query ? std::string_view(*request.query) : std::string_view();
    for (const std::string_view part : {std::string_view(request.path), query,
                                        Find(request.headers, "origin"), Find(request.headers, "sec-gpc")})
        group.append(1, '\0').append(part);
    return group;
}

Call Fold(const std::vector<std::shared_ptr<const Call>>& calls) {
    Call all = *calls.front();
    if (calls.size() == 1) return all;
    all.body = "[";
    for (const auto& call : calls) {
        if (all.body.size() > 1) all.body += ',';
        AppendQuoted(all.body, call->body);
    }
    all.body += ']';
    all.client.back() = ',';
    all.client += R"("folded":true})";
    return all;
}

std::vector<CallAnswer> Unfold(const CallAnswer& answer, size_t count) {
    if (count == 1) return {answer};
    const nlohmann::json list = answer.status == 200 ? ParseJsonOrDiscard(answer.body) : nlohmann::json();
    if (!list.is_array() || list.size() != count) return {};
    std::vector<CallAnswer> answers;
    for (const nlohmann::json& one : list) {
        if (!one.is_array() || one.size() != 2 || !one[0].is_number_integer() || !one[1].is_string())
            return {};
        answers.push_back(answer);
        answers.back().status = one[0].get<int>();
        answers.back().body = one[1].get<std::string>();
    }
    return answers;
}

}  // namespace pulse::web::gateway
