#include "pulse/insight/store_rule.hpp"

#include <map>

namespace pulse::insight {

const trait::Rule& CompiledRule(const std::string& text, uint64_t program) {
    static std::map<std::string, trait::Rule> rules;
    static uint64_t made_for = 0;
    if (made_for != program) rules.clear();
    made_for = program;
    const auto found = rules.find(text);
    if (found != rules.end()) return found->second;
    return rules.emplace(text, trait::Rule(text, rule::Expect::kAny, false)).first->second;
}

}  // namespace pulse::insight
