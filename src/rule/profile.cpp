#include "pulse/rule/profile.hpp"

#include "pulse/base/error.hpp"

namespace pulse::rule {

ExprPtr Expand(const Expr&, const Definitions&, const std::string&) {
    throw UserError(sqlstate::kNotSupported, "rules about people are not available yet");
}

Mentions FindMentions(const Expr&) {
    throw UserError(sqlstate::kNotSupported, "rules about people are not available yet");
}

ProfileRule CompileProfile(const Expr&, const ProfileNames&, Expect, const std::string&) {
    throw UserError(sqlstate::kNotSupported, "rules about people are not available yet");
}

std::vector<Part> Parts(const ExprPtr& expr) {
    return {{"", 0, expr}};
}

}  // namespace pulse::rule
