// SQL function: what an experiment shows.
#include <nlohmann/json.hpp>

#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/flag/store_flag.hpp"
#include "pulse/insight/store_experiment.hpp"
#include "pulse/insight/store_question.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/settings.hpp"

namespace flag = pulse::flag;
namespace insight = pulse::insight;
namespace pg = pulse::pg;

namespace {

constexpr size_t kMostGuardRails = 20;

std::vector<insight::ExperimentMetric> ReadMetrics(const pg::Args& args) {
    std::vector<insight::ExperimentMetric> metrics{
        insight::ReadExperimentMetric(args.RequireText(1, "metric"))};
    const auto rails = args.Jsonb(5);
    if (!rails || rails->is_null()) return metrics;
    if (!rails->is_array())
        pulse::ThrowInvalid("\"guardrails\" must be a list", pulse::DescribeJson(*rails),
                            R"(Give metrics, as in ["refund", {"event": "error", "good": "down"}].)");
    if (rails->size() > kMostGuardRails)
        throw pulse::UserError(pulse::sqlstate::kProgramLimit, "there are too many guardrails",
                               "There are " + std::to_string(rails->size()) + ".",
                               "Give at most " + std::to_string(kMostGuardRails) + ".");
    for (size_t i = 0; i < rails->size(); ++i)
        metrics.push_back(
            insight::ReadExperimentMetric((*rails)[i], "guardrails[" + std::to_string(i) + "]"));
    return metrics;
}

// The variant that others are compared with: the one given, the one named control, or that of the flag
// when it is off.
std::string FindControl(const flag::Definition& definition, const std::optional<std::string>& given) {
    if (given)
        return definition
            .variants[flag::RequireVariant(definition, *given, "\"control\"",
                                           pulse::sqlstate::kUndefinedObject)]
            .name;
    for (const flag::Variant& variant : definition.variants)
        if (variant.name == "control") return variant.name;
    return definition.variants[definition.off].name;
}

void ReadSplit(const pg::Json& json, const flag::Definition& definition,
               insight::ExperimentFigures& figures) {
    const pulse::JsonObject object(json, {"\"split\"", {}, {}, nullptr}, R"({"control": 50, "new": 50})");
    double sum = 0;
    for (const auto& [name, weight] : json.items()) {
        flag::RequireVariant(definition, name, "\"split\"", pulse::sqlstate::kUndefinedObject);
        figures.split[name] = *object.Number(name, 0, 1e9);
        sum += figures.split[name];
    }
    if (sum <= 0)
        pulse::ThrowInvalid("\"split\" has no weight above 0", "", R"(Give {"control": 50, "new": 50}.)");
}

// The intended shares, if the flag has one rule for everybody.
void FindSplit(const std::optional<flag::Definition>& seen, insight::ExperimentFigures& figures) {
    const std::string give = " Give \"split\".";
    if (!seen) {
        figures.no_split =
            "The flag was changed during the exposures, so the intended shares are not known." + give;
        return;
    }
    const flag::Definition& definition = *seen;
    const bool simple = definition.rules.size() == 1 && definition.rules[0].when.empty() &&
                        definition.rules[0].ramp.empty() && !definition.holdout &&
                        definition.prerequisites.empty() && definition.overrides.empty() &&
                        definition.rules[0].schedule == flag::Schedule{} &&
                        definition.schedule == flag::Schedule{};
    if (!simple) {
        figures.no_split =
            "The flag does more than split everybody by one rule, so the intended shares are not known." +
            give;
        return;
    }
    const flag::FlagRule& rule = definition.rules[0];
    double sum = 0;
    for (const flag::VariantWeight& weight : rule.weights) sum += weight.weight;
    for (const flag::VariantWeight& weight : rule.weights)
        figures.split[definition.variants[weight.variant].name] += rule.percentage * weight.weight / sum;
    if (rule.percentage < 100)
        figures.split[definition.variants[definition.fallback].name] += 100 - rule.percentage;
}

// The definition that was in effect at all exposures; empty: there were several.
std::optional<flag::Definition> DefinitionSeen(const flag::StoredFlag& stored,
                                               const insight::ExperimentFigures& figures) {
    std::string sql =
        "SELECT v.definition FROM pulse.flag_version AS v WHERE v.flag_id = " + std::to_string(stored.id) +
        " AND v.version IN (SELECT e.version FROM pulse.exposure AS e WHERE e.flag_id = " +
        std::to_string(stored.id) + " AND e.first_at <= " + insight::MomentSql(figures.as_of) +
        " AND e.first_at < " + insight::MomentSql(figures.until.value_or(figures.as_of + 1));
    if (figures.since) sql += " AND e.first_at >= " + insight::MomentSql(*figures.since);
    const pg::Result versions = pg::Execute(sql + ") ORDER BY v.version LIMIT 2", {}, true);
    if (versions.size() > 1) return std::nullopt;
    return versions.empty() ? stored.definition : flag::ReadDefinition(versions[0].Jsonb(0));
}

void ReadTimes(const pg::Args& args, insight::ExperimentFigures& figures) {
    figures.as_of = pg::Now();
    figures.since = insight::TimeArgument(args, 2, "since");
    figures.until = insight::TimeArgument(args, 3, "until");
    const pulse::Moment until = std::min(figures.until.value_or(figures.as_of), figures.as_of);
    if (figures.since && *figures.since >= until) insight::RefuseRange(*figures.since, until);
}

}  // namespace

PULSE_FUNCTION(pulse_experiment) {
    const pg::Args args(fcinfo);
    const std::string key = args.RequireText(0, "flag");
    insight::ExperimentFigures figures;
    insight::ExperimentQuestion question{.flag = 0, .metrics = ReadMetrics(args)};
    ReadTimes(args, figures);
    figures.confidence = args.Float8(7).value_or(0.95);
    if (!(figures.confidence >= 0.5 && figures.confidence <= 0.9999))
        pulse::ThrowInvalid("\"confidence\" is out of range",
                            "It is " + std::to_string(figures.confidence) + ".",
                            "confidence is from 0.5 to 0.9999.");
    figures.least_people = insight::Between(args, 8, "least_people", 100, 2, 1'000'000'000);
    const bool sees_people = insight::SeesPeople();
    figures.smallest_group = sees_people ? 0 : insight::kSmallestGroup;
    if (!sees_people)
        for (const insight::ExperimentMetric& metric : question.metrics) {
            insight::RequireNoRule(metric.event);
            if (metric.kind == insight::ExperimentMetric::Kind::kValue)
                insight::RequireName(metric.value, "value");
        }
    const auto split = args.Jsonb(6);
    pg::Json answer;
    {
        const pg::OwnerSession session;
        flag::RefreshFlags();
        const flag::StoredFlag& stored = flag::RequireFlag(key);
        const flag::Definition definition = stored.definition;
        figures.flag = stored.key;
        question.flag = stored.id;
        figures.control = FindControl(definition, insight::TextArgument(args, 4, "control"));
        if (split && !split->is_null())
            ReadSplit(*split, definition, figures);
        else
            FindSplit(DefinitionSeen(stored, figures), figures);
        for (const insight::ExperimentMetric& metric : question.metrics) insight::CheckMetric(metric);
        insight::CountExperiment(question, figures);
        answer = insight::WriteExperiment(figures);
    }
    return pg::FromJson(answer);
}
