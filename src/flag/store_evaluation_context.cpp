// The person and context of a decision.
#include "pulse/base/error.hpp"
#include "pulse/flag/store_evaluation_context.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/trait/store_problem.hpp"

namespace pulse::flag {

namespace {

// 17.0 becomes 17; other digits are kept.
std::string TrimZeros(std::string number) {
    if (number.find('.') == std::string::npos) return number;
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
    return number;
}

// Convert a value to an id: texts unchanged, numbers and booleans as they are written; nothing else is an id.
std::optional<std::string> ToBucketingId(const pg::Value& value) {
    if (value.null) return std::nullopt;
    std::string text;
    if (value.type == JSONBOID) {
        text = pg::ToOutput(value.datum, value.type);
        if (text[0] == '{' || text[0] == '[' || text == "null") return std::nullopt;
        if (text[0] == '"')
            text = pg::ToJson(value.datum).get<std::string>();
        else if (text != "true" && text != "false")
            text = TrimZeros(text);
    } else {
        text = pg::ToOutput(value.datum, value.type);
        if (value.type == NUMERICOID) text = TrimZeros(text);
    }
    if (text.empty()) return std::nullopt;
    return text;
}

bool IsObject(const pg::Value& context) {
    return pg::Call([&] { return JB_ROOT_IS_OBJECT(DatumGetJsonbP(context.datum)); });
}

bool IsTrue(const pg::Value& value) {
    return !value.null && DatumGetBool(value.datum);
}

bool IsLiteral(const rule::Expr& expr) {
    return !rule::As<rule::Reference>(expr) && !rule::As<rule::Call>(expr) && !rule::As<rule::Metric>(expr) &&
           !rule::As<rule::Operation>(expr) && !rule::As<rule::Elements>(expr);
}

}  // namespace

StoredEvaluationContext::StoredEvaluationContext(const std::optional<std::string>& user,
                                                 const pg::Value& context)
    : user_(user), context_(context), now_(pg::Now()) {
    if (context.null) {
        context_ = pg::Value::EmptyJsonb();
    } else if (!IsObject(context)) {
        throw UserError(sqlstate::kInvalidParameter, "\"context\" must be a JSON object", "",
                        "Give for example {\"country\": \"DE\"}, or leave it out.");
    }
    if (user_ && user_->find_first_not_of(" \t\r\n") == std::string::npos) user_.reset();
    if (!user_) {
        const json::Value key = pg::JsonbReader().Get(pg::Root(context_.datum), "targetingKey");
        if (key.Is(json::Type::kText) && !key.text.empty()) user_ = std::string(key.text);
    }
}

const std::optional<profile::Person>& StoredEvaluationContext::person() {
    if (!looked_) {
        if (user_) person_ = profile::FindPerson(*user_);
        looked_ = true;
    }
    return person_;
}

bool StoredEvaluationContext::IsKnown() {
    if (!known_) known_ = person() && profile::ExistedAt(*person(), now_);
    return *known_;
}

template <typename Evaluate>
std::string StoredEvaluationContext::Try(bool can_fail, Evaluate evaluate) {
    const int64_t id = IsKnown() ? person()->id : 0;
    return trait::ProblemOf(id, can_fail, evaluate);
}

trait::Subject& StoredEvaluationContext::subject() {
    if (!subject_) {
        if (IsKnown())
            subject_.emplace(*person(), now_);
        else
            subject_.emplace(now_);
        subject_->NeverWait();
    }
    return *subject_;
}

Decision StoredEvaluationContext::Decide(const StoredFlag& flag, std::vector<ExplanationLine>* lines) {
    const StoredFlag* outer = std::exchange(flag_, &flag);
    const Decision decision = flag::Decide(flag.definition, flag.state, now_, *this, lines);
    flag_ = outer;
    return decision;
}

std::optional<std::string> StoredEvaluationContext::SegmentOf(const StoredFlag& flag,
                                                              const Decision& decision) {
    if (decision.rule == 0 || !IsKnown()) return std::nullopt;
    const CompiledRule& compiled = flag.compiled_rules[static_cast<size_t>(decision.rule) - 1];
    if (compiled.segment) return compiled.segment;
    for (const auto& [name, rule] : compiled.segments)
        if (Holds(rule)) return name;
    return std::nullopt;
}

std::optional<std::string> StoredEvaluationContext::BucketingId() {
    if (person()) return person()->bucketing_id;
    return user_ ? std::optional(profile::StoredForm(*user_)) : std::nullopt;
}

bool StoredEvaluationContext::RuleHolds(size_t rule) {
    const CompiledRule& compiled = flag_->compiled_rules[rule];
    const bool apart = compiled.when_unknown && !IsKnown();
    return compiled.when && Holds(apart ? *compiled.when_unknown : *compiled.when);
}

bool StoredEvaluationContext::Holds(const trait::Rule& rule) {
    bool holds = false;
    try {
        const std::string problem =
            Try(rule.rule().can_fail, [&] { holds = IsTrue(subject().Value(rule, context_)); });
        return holds && problem.empty();
    } catch (const trait::NeedsArchive&) {
        return false;
    }
}

std::optional<std::string> StoredEvaluationContext::BucketingId(size_t rule) {
    for (const std::optional<trait::Rule>& by : flag_->compiled_rules[rule].bucket_by)
        if (std::optional<std::string> id =
                by ? ToBucketingId(subject().Value(*by, context_)) : BucketingId())
            return id;
    return std::nullopt;
}

std::optional<size_t> StoredEvaluationContext::Override() {
    const std::map<std::string, size_t>& overrides = flag_->definition.overrides;
    const auto find = [&](const std::string& id) -> std::optional<size_t> {
        const auto found = overrides.find(id);
        return found == overrides.end() ? std::nullopt : std::optional(found->second);
    };
    std::optional<size_t> variant;
    if (user_) variant = find(*user_);
    if (!variant && person()) variant = find(person()->bucketing_id);
    if (!variant && person()) variant = find("profile:" + std::to_string(person()->id));
    return variant;
}

bool StoredEvaluationContext::MeetsPrerequisite(const Prerequisite& prerequisite) {
    const StoredFlag* required = FindFlag(prerequisite.flag);
    if (!required) return false;
    auto known = decided_.find(prerequisite.flag);
    if (known == decided_.end()) known = decided_.emplace(prerequisite.flag, Decide(*required).variant).first;
    const Definition& definition = required->definition;
    if (prerequisite.variants.empty()) return definition.Allows(known->second);
    for (const std::string& variant : prerequisite.variants)
        if (variant == definition.variants[known->second].name) return true;
    return false;
}

void StoredEvaluationContext::Explain(size_t rule, std::vector<ExplanationLine>& lines) {
    const CompiledRule& compiled = flag_->compiled_rules[rule];
    if (!compiled.error.empty()) {
        lines.push_back(
            {1, flag_->definition.rules[rule].when, "", "cannot be evaluated: " + compiled.error});
        return;
    }
    const rule::ExprPtr expr = rule::Parse(flag_->definition.rules[rule].when);
    for (const rule::SubExpression& part : rule::SubExpressions(expr)) {
        if (part.depth > 0 && IsLiteral(*part.expr)) continue;
        ExplanationLine line{part.depth + 1, part.text, "null", ""};
        const std::string problem = Try(true, [&] {
            const rule::ExprPtr part_tree = rule::Parse(part.text);
            const trait::Rule part_rule(*(IsKnown() ? rule::Expand(*part_tree, trait::SavedDefinitions())
                                                    : trait::ExpandForUnknown(*part_tree)),
                                        rule::Expect::kAny, true);
            const trait::Subject::Answer answer = subject().Evaluate(part_rule, context_);
            if (!answer.value.null)
                line.value = answer.value.type == BOOLOID
                                 ? (DatumGetBool(answer.value.datum) ? "true" : "false")
                                 : pg::ToOutput(answer.value.datum, answer.value.type);
            if (answer.until) line.note = "until " + FormatMoment(*answer.until);
        });
        if (!problem.empty()) line.note = problem;
        lines.push_back(std::move(line));
    }
}

}  // namespace pulse::flag
