#include "pulse/insight/store_rule.hpp"

#include <map>
#include <string>

namespace pulse::insight {

const trait::Rule& CompiledRule(std::string_view text, uint64_t program) {
    static std::map<std::string, trait::Rule, std::less<>> rules;
    static uint64_t made_for = 0;
    if (made_for != program) rules.clear();
    made_for = program;
    const auto found = rules.find(text);
    if (found != rules.end()) return found->second;
    const std::string key(text);
    return rules.emplace(key, trait::Rule(key, rule::Expect::kAny, false)).first->second;
}

}  // namespace pulse::insight
