// The backend's cache of compiled flags.
#include <algorithm>
#include <unordered_map>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/flag/store_flag.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/trait/macro.hpp"

namespace pulse::flag {

namespace {

struct Cache {
    std::unordered_map<std::string, std::unique_ptr<StoredFlag>> flags;
    std::optional<std::vector<std::string>> live;
};

Cache& LocalCache() {
    static Cache cache;
    return cache;
}

std::string JsonbBytes(const Json& json) {
    const Datum datum = pg::FromJson(json);
    return {reinterpret_cast<const char*>(DatumGetPointer(datum)), VARSIZE(DatumGetPointer(datum))};
}

rule::ExprPtr SegmentReference(const std::string& name) {
    return rule::Make(rule::Reference{rule::Reference::Kind::kSegment, {name}}, 0);
}

const std::string* NamedSegment(const rule::Expr& expr) {
    const rule::Reference* reference = rule::As<rule::Reference>(expr);
    return reference && reference->kind == rule::Reference::Kind::kSegment ? &reference->path[0] : nullptr;
}

// If the rule is segment("a"), or segment("a") && more, a person that matches is in a. Otherwise the segments
// that it names have to be evaluated.
void CompileSegments(const rule::Expr& expr, CompiledRule& compiled) {
    if (const std::string* name = NamedSegment(expr)) compiled.segment = *name;
    if (const rule::Operation* all = rule::AsOp(expr, rule::Op::kAnd))
        for (const rule::ExprPtr& operand : all->operands)
            if (const std::string* name = NamedSegment(*operand); name && !compiled.segment)
                compiled.segment = *name;
    if (compiled.segment) return;
    for (const std::string& name : rule::FindReferencedNames(expr).segments)
        compiled.segments.emplace_back(
            name, trait::Rule(rule::Print(*SegmentReference(name)), rule::Expect::kBoolean, true));
}

CompiledRule CompileRule(const FlagRule& rule) {
    CompiledRule compiled;
    if (!rule.when.empty()) {
        compiled.when.emplace(rule.when, rule::Expect::kBoolean, true);
        const rule::ExprPtr expr = rule::Parse(rule.when);
        const rule::ExprPtr unknown = trait::ExpandForUnknown(*expr);
        if (rule::Print(*unknown) != rule::Print(*rule::Expand(*expr, trait::SavedDefinitions())))
            compiled.when_unknown.emplace(*unknown, rule::Expect::kBoolean, true);
        CompileSegments(*expr, compiled);
    }
    for (const std::string& name : rule.bucket_by) {
        compiled.bucket_by.emplace_back();
        if (name != "user") compiled.bucket_by.back().emplace(name, rule::Expect::kAny, true);
    }
    return compiled;
}

// Load a flag from its newest committed row, or the row of this transaction.
std::unique_ptr<StoredFlag> Load(const std::string& key) {
    static const pg::Probe probe("flag", "flag_key_key", {1, 3, 4, 5, 6, 7});
    std::optional<std::vector<pg::Value>> row;
    {
        const pg::LatestSnapshot snapshot;
        row = probe.Find({pg::FromText(key)});
    }
    if (!row) return nullptr;
    auto saved = std::make_unique<StoredFlag>();
    saved->id = DatumGetInt64((*row)[0].datum);
    saved->key = key;
    saved->definition = ReadDefinition(pg::ToJson((*row)[1].datum));
    saved->state = {DatumGetBool((*row)[3].datum), !(*row)[4].null, pg::ToText((*row)[2].datum)};
    saved->version = DatumGetInt32((*row)[5].datum);
    for (const Variant& variant : saved->definition.variants) {
        saved->values.push_back(JsonbBytes(variant.value));
        saved->payloads.push_back(variant.payload ? JsonbBytes(*variant.payload) : "");
    }
    const pg::Identity owner = pg::Identity::Owner();
    saved->compiled_rules = CompileRules(saved->definition, false);
    return saved;
}

}  // namespace

std::vector<CompiledRule> CompileRules(const Definition& definition, bool strict) {
    std::vector<CompiledRule> compiled_rules;
    for (size_t i = 0; i < definition.rules.size(); ++i) {
        try {
            compiled_rules.push_back(CompileRule(definition.rules[i]));
        } catch (const UserError& error) {
            if (strict && definition.rules.size() > 1)
                throw UserError(error.state().c_str(),
                                error.message() + " (rules[" + std::to_string(i) + "])", error.detail(),
                                error.hint());
            if (strict) throw;
            compiled_rules.emplace_back();
            compiled_rules.back().error = error.message();
        }
    }
    return compiled_rules;
}

void RefreshFlags() {
    static pg::Watch flags("flag"), definitions("definition");
    // Macros are read as of the moment.
    static uint64_t macros = 0;
    const uint64_t before = std::exchange(macros, trait::MacroVersion(pg::Now()));
    const bool flag_changed = flags.Changed(), moved = before != macros;
    if (!definitions.Changed() && !flag_changed && !moved) return;
    LocalCache().flags.clear();
    LocalCache().live.reset();
}

const StoredFlag* FindFlag(const std::string& key) {
    auto& flags = LocalCache().flags;
    const auto found = flags.find(key);
    if (found != flags.end()) return found->second.get();
    std::unique_ptr<StoredFlag> saved = Load(key);
    if (!saved) return nullptr;
    return flags.emplace(key, std::move(saved)).first->second.get();
}

const StoredFlag& RequireFlag(const std::string& key) {
    if (const StoredFlag* saved = FindFlag(key)) return *saved;
    const pg::OwnerSession session;
    ThrowUnknownFlag(key);
}

const std::vector<std::string>& ActiveFlags() {
    auto& live = LocalCache().live;
    if (live) return *live;
    const pg::OwnerSession session;
    const pg::LatestSnapshot snapshot;
    static pg::Statement statement("SELECT key FROM pulse.flag WHERE archived_at IS NULL ORDER BY key", {});
    const pg::Result rows = statement.Execute({}, true);
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < rows.size(); ++i) keys.push_back(rows[i].Text(0));
    live = std::move(keys);
    return *live;
}

void ThrowUnknownFlag(const std::string& key) {
    const pg::Result rows = pg::Execute("SELECT key FROM pulse.flag ORDER BY key LIMIT 1000", {}, true);
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < rows.size(); ++i) keys.push_back(rows[i].Text(0));
    throw UserError(sqlstate::kUndefinedObject, "flag \"" + Shorten(key, 255) + "\" does not exist", "",
                    keys.empty() ? "There are no flags yet; create one with pulse_create_flag()."
                                 : SuggestName(key, keys, "Flags"));
}

}  // namespace pulse::flag
