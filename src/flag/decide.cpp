#include "pulse/flag/decide.hpp"

#include <array>
#include <cmath>

#include "pulse/base/json.hpp"

namespace pulse::flag {

namespace {

constexpr std::array kReasons = {"STATIC",   "TARGETING_MATCH", "SPLIT",        "DEFAULT",
                                 "DISABLED", "OVERRIDE",        "PREREQUISITE", "HOLDOUT"};

std::string FormatPercentage(double number) {
    std::string text = DumpJson(Json(number));
    return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string FormatSchedule(const Schedule& schedule) {
    return (schedule.from ? "from " + FormatMoment(*schedule.from) : "") +
           (schedule.from && schedule.until ? " " : "") +
           (schedule.until ? "until " + FormatMoment(*schedule.until) : "");
}

// Evaluates one decision.
class DecisionEvaluator {
  public:
    DecisionEvaluator(const Definition& definition, const FlagState& state, Moment now,
                      EvaluationContext& context, std::vector<ExplanationLine>* lines)
        : definition_(definition), state_(state), now_(now), context_(context), lines_(lines) {}

    Decision Run() {
        if (IsOff()) return Return(definition_.off, Reason::kDisabled);
        if (!definition_.overrides.empty()) {
            const std::optional<size_t> variant = context_.Override();
            if (lines_)
                Append(0, "override", variant ? Variant(*variant) : "none",
                       variant ? "the definition names this person" : "");
            if (variant) return Return(*variant, Reason::kOverride);
        }
        for (const Prerequisite& prerequisite : definition_.prerequisites) {
            const bool met = context_.MeetsPrerequisite(prerequisite);
            if (lines_)
                Append(0, "prerequisite " + prerequisite.flag, met ? "true" : "false",
                       DescribeRequired(prerequisite));
            if (!met) return Return(definition_.off, Reason::kPrerequisite);
        }
        if (InHoldout()) return Return(definition_.holdout->variant, Reason::kHoldout);
        for (size_t i = 0; i < definition_.rules.size(); ++i)
            if (const std::optional<Decision> decision = EvaluateRule(i)) return *decision;
        if (lines_)
            Append(0, "default", Variant(definition_.fallback),
                   definition_.rules.empty() ? "" : "no rule matches");
        return Return(definition_.fallback, definition_.rules.empty() ? Reason::kStatic : Reason::kDefault);
    }

  private:
    void Append(int depth, std::string part, std::string value, std::string note) {
        lines_->push_back({depth, std::move(part), std::move(value), std::move(note)});
    }

    const std::string& Variant(size_t index) const { return definition_.variants[index].name; }

    Decision Return(size_t variant, Reason reason) const { return {variant, reason, 0, bucket_}; }

    bool IsOff() {
        const bool outside = !definition_.schedule.Covers(now_);
        if (lines_) {
            Append(0, "enabled", state_.enabled && !state_.archived ? "true" : "false",
                   state_.archived ? "it is archived" : "");
            if (definition_.schedule != Schedule{})
                Append(0, "schedule", outside ? "false" : "true", FormatSchedule(definition_.schedule));
        }
        return !state_.enabled || state_.archived || outside;
    }

    std::string DescribeRequired(const Prerequisite& prerequisite) const {
        if (prerequisite.variants.empty()) return "requires any variant that allows";
        std::string text = "requires ";
        for (const std::string& variant : prerequisite.variants)
            text += (&variant == prerequisite.variants.data() ? "" : " or ") + variant;
        return text;
    }

    bool InHoldout() {
        if (!definition_.holdout) return false;
        const Holdout& holdout = *definition_.holdout;
        const std::optional<std::string> id = context_.BucketingId();
        if (!id) {
            if (lines_) Append(0, "holdout", "false", "no id for bucketing");
            return false;
        }
        // A flag's own holdout has a salt of its own, so that it is independent of percentages.
        const std::string salt = holdout.salt.empty() ? "holdout:" + state_.salt : holdout.salt;
        const int bucket = Bucket(salt, *id);
        const auto end = std::llround(holdout.percentage * (kBuckets / 100));
        if (lines_)
            Append(0, "holdout " + FormatPercentage(holdout.percentage) + "%",
                   bucket < end ? "true" : "false",
                   "bucket " + std::to_string(bucket) + " of 100000, holdout below " + std::to_string(end) +
                       "; id " + *id + ", salt " + salt);
        if (bucket < end) bucket_ = bucket;
        return bucket < end;
    }

    std::optional<Decision> EvaluateRule(size_t index) {
        const FlagRule& rule = definition_.rules[index];
        if (lines_)
            Append(0, "rule " + std::to_string(index + 1) + (rule.name.empty() ? "" : " (" + rule.name + ")"),
                   "", "");
        const size_t headline = lines_ ? lines_->size() - 1 : 0;
        const std::optional<Decision> decision = ApplyRule(index, rule);
        if (lines_) (*lines_)[headline].value = decision ? Variant(decision->variant) : "no match";
        return decision;
    }

    std::optional<Decision> ApplyRule(size_t index, const FlagRule& rule) {
        if (rule.schedule != Schedule{}) {
            const bool covers = rule.schedule.Covers(now_);
            if (lines_) Append(1, "schedule", covers ? "true" : "false", FormatSchedule(rule.schedule));
            if (!covers) return std::nullopt;
        }
        if (!rule.when.empty()) {
            if (lines_) context_.Explain(index, *lines_);
            if (!context_.RuleHolds(index)) return std::nullopt;
        }
        const double percentage = rule.PercentageAt(now_);
        const int number = static_cast<int>(index) + 1;
        if (percentage >= 100 && rule.weights.size() == 1) {
            const bool everybody = rule.when.empty() && rule.schedule == Schedule{} && index == 0;
            return Decision{rule.weights[0].variant, everybody ? Reason::kStatic : Reason::kTargetingMatch,
                            number, std::nullopt};
        }
        const std::optional<std::string> id = context_.BucketingId(index);
        if (!id) {
            if (lines_)
                Append(1, "percentage " + FormatPercentage(percentage), "false", "no id for bucketing");
            return std::nullopt;
        }
        return PickVariant(rule, number, percentage, *id);
    }

    std::optional<Decision> PickVariant(const FlagRule& rule, int number, double percentage,
                                        const std::string& id) {
        std::vector<double> weights;
        for (const VariantWeight& share : rule.weights) weights.push_back(share.weight);
        const Bucketing bucketing =
            ComputeBucketing(definition_.dialect, state_.salt, id, percentage, weights);
        bucket_ = bucketing.bucket;
        if (lines_) {
            Append(1, "percentage " + FormatPercentage(percentage), bucketing.weight ? "true" : "false",
                   "bucket " + std::to_string(bucketing.bucket) + " of 100000; id " + id + ", salt " +
                       state_.salt +
                       (definition_.dialect == Dialect::kPulse
                            ? ""
                            : std::string(", as ") + Name(definition_.dialect)));
            if (bucketing.weight && bucketing.variant_bucket)
                Append(1, "variants", Variant(rule.weights[*bucketing.weight].variant),
                       "bucket " + std::to_string(*bucketing.variant_bucket) + " of 100000 for the weights");
        }
        if (!bucketing.weight) return std::nullopt;
        return Decision{rule.weights[*bucketing.weight].variant, Reason::kSplit, number, bucketing.bucket};
    }

    const Definition& definition_;
    const FlagState& state_;
    Moment now_;
    EvaluationContext& context_;
    std::vector<ExplanationLine>* lines_;
    std::optional<int> bucket_;
};

}  // namespace

const char* Name(Reason reason) {
    return kReasons[static_cast<size_t>(reason)];
}

Decision Decide(const Definition& definition, const FlagState& state, Moment now, EvaluationContext& context,
                std::vector<ExplanationLine>* lines) {
    return DecisionEvaluator(definition, state, now, context, lines).Run();
}

}  // namespace pulse::flag
