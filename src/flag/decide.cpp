#include "pulse/flag/decide.hpp"

#include <array>
#include <cmath>

#include "pulse/base/json.hpp"

namespace pulse::flag {

namespace {

constexpr std::array kReasons = {"STATIC",   "TARGETING_MATCH", "SPLIT",        "DEFAULT",
                                 "DISABLED", "OVERRIDE",        "PREREQUISITE", "HOLDOUT"};

std::string Digits(double number) {
    std::string text = DumpJson(Json(number));
    return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string Span(const Schedule& schedule) {
    return (schedule.from ? "from " + FormatMoment(*schedule.from) : "") +
           (schedule.from && schedule.until ? " " : "") +
           (schedule.until ? "until " + FormatMoment(*schedule.until) : "");
}

// One decision under way.
class Deciding {
  public:
    Deciding(const Definition& definition, const Standing& standing, Moment now, Someone& someone,
             std::vector<Line>* lines)
        : definition_(definition), standing_(standing), now_(now), someone_(someone), lines_(lines) {}

    Decision Run() {
        if (IsOff()) return Give(definition_.off, Reason::kDisabled);
        if (!definition_.overrides.empty()) {
            const std::optional<size_t> variant = someone_.Override();
            if (lines_)
                Tell(0, "override", variant ? Variant(*variant) : "none",
                     variant ? "named for this person" : "");
            if (variant) return Give(*variant, Reason::kOverride);
        }
        for (const Prerequisite& prerequisite : definition_.prerequisites) {
            const bool met = someone_.Meets(prerequisite);
            if (lines_)
                Tell(0, "prerequisite " + prerequisite.flag, met ? "true" : "false", Wanted(prerequisite));
            if (!met) return Give(definition_.off, Reason::kPrerequisite);
        }
        if (HeldOut()) return Give(definition_.holdout->variant, Reason::kHoldout);
        for (size_t i = 0; i < definition_.rules.size(); ++i)
            if (const std::optional<Decision> decision = Try(i)) return *decision;
        if (lines_)
            Tell(0, "default", Variant(definition_.fallback),
                 definition_.rules.empty() ? "" : "no rule holds");
        return Give(definition_.fallback, definition_.rules.empty() ? Reason::kStatic : Reason::kDefault);
    }

  private:
    void Tell(int depth, std::string part, std::string value, std::string note) {
        lines_->push_back({depth, std::move(part), std::move(value), std::move(note)});
    }

    const std::string& Variant(size_t index) const { return definition_.variants[index].name; }

    Decision Give(size_t variant, Reason reason) const { return {variant, reason, 0, bucket_}; }

    bool IsOff() {
        const bool outside = !definition_.schedule.Covers(now_);
        if (lines_) {
            Tell(0, "enabled", standing_.enabled && !standing_.archived ? "true" : "false",
                 standing_.archived ? "it is archived" : "");
            if (definition_.schedule != Schedule{})
                Tell(0, "schedule", outside ? "false" : "true", Span(definition_.schedule));
        }
        return !standing_.enabled || standing_.archived || outside;
    }

    std::string Wanted(const Prerequisite& prerequisite) const {
        if (prerequisite.variants.empty()) return "wants any variant that allows";
        std::string text = "wants ";
        for (const std::string& variant : prerequisite.variants)
            text += (&variant == prerequisite.variants.data() ? "" : " or ") + variant;
        return text;
    }

    bool HeldOut() {
        if (!definition_.holdout) return false;
        const Holdout& holdout = *definition_.holdout;
        const std::optional<std::string> id = someone_.Id();
        if (!id) {
            if (lines_) Tell(0, "holdout", "false", "there is no id to draw by");
            return false;
        }
        // A flag's own holdout is drawn apart from its percentages.
        const std::string salt = holdout.salt.empty() ? "holdout:" + standing_.salt : holdout.salt;
        const int bucket = Bucket(salt, *id);
        const auto end = std::llround(holdout.percentage * (kBuckets / 100));
        if (lines_)
            Tell(0, "holdout " + Digits(holdout.percentage) + "%", bucket < end ? "true" : "false",
                 "bucket " + std::to_string(bucket) + " of 100000, held out below " + std::to_string(end) +
                     "; id " + *id + ", salt " + salt);
        if (bucket < end) bucket_ = bucket;
        return bucket < end;
    }

    std::optional<Decision> Try(size_t index) {
        const Rule& rule = definition_.rules[index];
        if (lines_)
            Tell(0, "rule " + std::to_string(index + 1) + (rule.name.empty() ? "" : " (" + rule.name + ")"),
                 "", "");
        const size_t headline = lines_ ? lines_->size() - 1 : 0;
        const std::optional<Decision> decision = Weigh(index, rule);
        if (lines_) (*lines_)[headline].value = decision ? Variant(decision->variant) : "does not hold";
        return decision;
    }

    std::optional<Decision> Weigh(size_t index, const Rule& rule) {
        if (rule.schedule != Schedule{}) {
            const bool covers = rule.schedule.Covers(now_);
            if (lines_) Tell(1, "schedule", covers ? "true" : "false", Span(rule.schedule));
            if (!covers) return std::nullopt;
        }
        if (!rule.when.empty()) {
            if (lines_) someone_.Explain(index, *lines_);
            if (!someone_.Holds(index)) return std::nullopt;
        }
        const double percentage = rule.PercentageAt(now_);
        const int number = static_cast<int>(index) + 1;
        if (percentage >= 100 && rule.shares.size() == 1) {
            const bool everybody = rule.when.empty() && rule.schedule == Schedule{} && index == 0;
            return Decision{rule.shares[0].variant, everybody ? Reason::kStatic : Reason::kTargetingMatch,
                            number, std::nullopt};
        }
        const std::optional<std::string> id = someone_.Id(index);
        if (!id) {
            if (lines_) Tell(1, "percentage " + Digits(percentage), "false", "there is no id to draw by");
            return std::nullopt;
        }
        return DrawFor(rule, number, percentage, *id);
    }

    std::optional<Decision> DrawFor(const Rule& rule, int number, double percentage, const std::string& id) {
        std::vector<double> weights;
        for (const Share& share : rule.shares) weights.push_back(share.weight);
        const Drawn drawn = Draw(definition_.dialect, standing_.salt, id, percentage, weights);
        bucket_ = drawn.bucket;
        if (lines_) {
            Tell(1, "percentage " + Digits(percentage), drawn.share ? "true" : "false",
                 "bucket " + std::to_string(drawn.bucket) + " of 100000; id " + id + ", salt " +
                     standing_.salt +
                     (definition_.dialect == Dialect::kPulse
                          ? ""
                          : std::string(", as ") + Name(definition_.dialect)));
            if (drawn.share && drawn.second)
                Tell(1, "variants", Variant(rule.shares[*drawn.share].variant),
                     "bucket " + std::to_string(*drawn.second) + " of 100000 for the weights");
        }
        if (!drawn.share) return std::nullopt;
        return Decision{rule.shares[*drawn.share].variant, Reason::kSplit, number, drawn.bucket};
    }

    const Definition& definition_;
    const Standing& standing_;
    Moment now_;
    Someone& someone_;
    std::vector<Line>* lines_;
    std::optional<int> bucket_;
};

}  // namespace

const char* Name(Reason reason) {
    return kReasons[static_cast<size_t>(reason)];
}

Decision Decide(const Definition& definition, const Standing& standing, Moment now, Someone& someone,
                std::vector<Line>* lines) {
    return Deciding(definition, standing, now, someone, lines).Run();
}

}  // namespace pulse::flag
