#include "pulse/rule/referenced_definitions.hpp"

#include "pulse/base/error.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::rule {

void AddUses(const Expr& rule, std::vector<DefinitionUse>& uses) {
    const ReferencedNames names = FindReferencedNames(rule);
    for (const std::string& trait : names.traits) uses.push_back({"trait", trait});
    for (const std::string& segment : names.segments) uses.push_back({"segment", segment});
    for (const std::string& macro : names.macros) {
        const std::string setting = macro.substr(0, macro.find('.'));
        uses.push_back({setting, setting});
    }
}

void AddUses(const std::string& rule, std::vector<DefinitionUse>& uses) {
    if (rule.empty()) return;
    try {
        AddUses(*Parse(rule), uses);
    } catch (const UserError&) {
        return;
    }
}

}  // namespace pulse::rule
