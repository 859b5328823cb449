#include "pulse/insight/experiment.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"

namespace pulse::insight {

namespace {

using Json = nlohmann::json;

constexpr const char* kMetricExample =
    R"({"event": "purchase", "where": "amount > 10", "within": "7 days", "good": "up"})";

Json IntervalJson(const Interval& interval) {
    return {interval.low, interval.high};
}

// One metric of one variant, compared with the control.
class VariantAnswer {
  public:
    VariantAnswer(const ExperimentFigures& all, const MetricFigures& of, const std::string& variant)
        : all_(all), metric_(of.metric), own_(Figures(of, variant)), control_(Figures(of, all.control)) {
        answer_ = {{"variant", variant}, {"control", variant == all.control}};
        hidden_ = IsHidden(own_);
        answer_["people"] = own_.people < all.smallest_group ? Json() : Json(own_.people);
        if (metric_.kind != ExperimentMetric::Kind::kValue)
            answer_[converts() ? "converted" : "with_events"] = hidden_ ? Json() : Json(own_.with_events);
        answer_["value"] = hidden_ || own_.people == 0 ? Json() : Json(own_.mean);
        if (variant != all.control) Compare();
    }

    Json Get() && { return std::move(answer_); }

  private:
    static VariantFigures Figures(const MetricFigures& of, const std::string& variant) {
        const auto found = of.variants.find(variant);
        return found == of.variants.end() ? VariantFigures{} : found->second;
    }

    bool converts() const { return metric_.kind == ExperimentMetric::Kind::kConversion; }
    bool IsHidden(const VariantFigures& figures) const {
        const int64_t group = metric_.kind == ExperimentMetric::Kind::kValue
                                  ? figures.people
                                  : std::min(figures.people, figures.with_events);
        return group < all_.smallest_group;
    }

    static Sample ToSample(const VariantFigures& figures) {
        return {figures.people, figures.mean, figures.variance};
    }

    void Compare() {
        const std::string problem = Problem();
        if (!problem.empty()) {
            answer_["verdict"] = "unknown";
            answer_["note"] = problem;
            return;
        }
        const Sample control = ToSample(control_), own = ToSample(own_);
        const int64_t people = control.people + own.people;
        const Estimate difference = Difference(control, own);
        const Interval fixed = converts() ? NewcombeInterval(control_.with_events, control_.people,
                                                             own_.with_events, own_.people, all_.confidence)
                                          : FixedInterval(difference, all_.confidence);
        const Interval sequential = SequentialInterval(difference, people, all_.confidence);
        answer_["difference"] = {{"value", difference.value},
                                 {"interval", IntervalJson(fixed)},
                                 {"p_value", FixedP(difference)},
                                 {"sequential_interval", IntervalJson(sequential)},
                                 {"sequential_p_value", SequentialP(difference, people, all_.confidence)}};
        if (const auto lift = Lift(control, own))
            answer_["lift"] = {
                {"value", lift->value},
                {"interval", IntervalJson(FixedInterval(*lift, all_.confidence))},
                {"sequential_interval", IntervalJson(SequentialInterval(*lift, people, all_.confidence))}};
        else
            answer_["note"] = "There is no lift: the mean of the control is not above 0.";
        const bool up = sequential.low > 0, down = sequential.high < 0;
        answer_["verdict"] = !up && !down ? "unclear" : up == metric_.higher_is_better ? "better" : "worse";
    }

    // Why the variant cannot be compared; empty: it can.
    std::string Problem() const {
        if (hidden_ || IsHidden(control_)) return "Figures of fewer than 10 people are hidden.";
        if (own_.people < all_.least_people || control_.people < all_.least_people)
            return "There are fewer than " + std::to_string(all_.least_people) + " people in " +
                   (own_.people < all_.least_people ? "the variant." : "the control.");
        if (own_.variance <= 0 && control_.variance <= 0) return "All people have the same value.";
        return "";
    }

    const ExperimentFigures& all_;
    const ExperimentMetric& metric_;
    VariantFigures own_, control_;
    bool hidden_ = false;
    Json answer_;
};

// Whether a variant is hidden: then what adds up all variants is, too, as it would tell that one.
bool HidesVariant(const ExperimentFigures& figures) {
    return std::any_of(figures.people.begin(), figures.people.end(),
                       [&](const auto& one) { return one.second < figures.smallest_group; });
}

Json SampleRatioJson(const ExperimentFigures& figures) {
    if (HidesVariant(figures))
        return {{"status", "unknown"},
                {"p_value", nullptr},
                {"note", "Figures of fewer than 10 people are hidden."}};
    if (!figures.no_split.empty())
        return {{"status", "unknown"}, {"p_value", nullptr}, {"note", figures.no_split}};
    std::vector<int64_t> people;
    std::vector<double> weights;
    int64_t all = 0;
    double sum = 0;
    for (const auto& [variant, weight] : figures.split) sum += weight;
    Json expected = Json::object();
    for (const auto& [variant, weight] : figures.split) {
        const auto found = figures.people.find(variant);
        people.push_back(found == figures.people.end() ? 0 : found->second);
        weights.push_back(weight);
        all += people.back();
        expected[variant] = weight / sum;
    }
    for (const auto& [variant, count] : figures.people)
        if (!figures.split.contains(variant)) {
            people.push_back(count);
            weights.push_back(0);
            all += count;
        }
    if (all < figures.least_people)
        return {{"status", "unknown"},
                {"p_value", nullptr},
                {"expected", expected},
                {"note", "There are fewer than " + std::to_string(figures.least_people) + " people."}};
    const auto ratio = TestSampleRatio(people, weights);
    if (!ratio)
        return {{"status", "unknown"}, {"p_value", nullptr}, {"note", "Only one variant is intended."}};
    Json json{{"status", ratio->p_value < kSampleRatioP ? "mismatch" : "ok"},
              {"p_value", ratio->p_value},
              {"expected", expected}};
    if (ratio->p_value < kSampleRatioP)
        json["note"] = "The variants do not have the shares intended: the figures below cannot be trusted.";
    return json;
}

const char* KindName(ExperimentMetric::Kind kind) {
    switch (kind) {
        case ExperimentMetric::Kind::kConversion: return "conversion";
        case ExperimentMetric::Kind::kCount: return "count";
        case ExperimentMetric::Kind::kSum: return "sum";
        case ExperimentMetric::Kind::kValue: return "value";
    }
    return "conversion";
}

std::vector<std::string> SplitPath(const std::string& path) {
    std::vector<std::string> parts(1);
    for (const char c : path) {
        if (c == '.')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

void ReadFigure(const JsonObject& object, ExperimentMetric& metric) {
    const auto sum = object.Text("sum"), value = object.Text("value");
    const bool count = object.Boolean("count").value_or(false);
    if ((sum ? 1 : 0) + (value ? 1 : 0) + count > 1)
        object.Fail("a metric has more than one figure", "", "Give one of \"sum\", \"count\" and \"value\".");
    if (value) {
        if (object.Find("event") || object.Find("where") || object.Find("within"))
            object.Fail("a metric with \"value\" has no event", "",
                        "Leave out \"event\", \"where\" and \"within\".");
        metric.kind = ExperimentMetric::Kind::kValue;
        metric.value = *value;
        return;
    }
    const auto event = object.Text("event");
    if (!event || event->empty())
        object.Fail("a metric needs \"event\" or \"value\"", "",
                    std::string("Give for example ") + kMetricExample + ".");
    metric.event = ReadEventCondition(event, object.Text("where"));
    if (sum) {
        metric.kind = ExperimentMetric::Kind::kSum;
        metric.property = SplitPath(*sum);
    } else if (count) {
        metric.kind = ExperimentMetric::Kind::kCount;
    }
    if (const auto within = object.Text("within")) {
        const auto length = ParseDuration(*within);
        if (!length || *length <= 0)
            object.Refuse("within", "must be a time above 0", "Give for example \"7 days\".");
        metric.within = *length;
    }
}

std::string DefaultName(const ExperimentMetric& metric) {
    if (metric.kind == ExperimentMetric::Kind::kValue) return metric.value;
    std::string name = Describe(metric.event);
    if (metric.kind == ExperimentMetric::Kind::kCount) name += ", count";
    if (metric.kind == ExperimentMetric::Kind::kSum) {
        name += ", sum of ";
        for (size_t i = 0; i < metric.property.size(); ++i) name += (i ? "." : "") + metric.property[i];
    }
    return name;
}

}  // namespace

ExperimentMetric ReadExperimentMetric(const Json& json, const std::string& place) {
    ExperimentMetric metric;
    if (json.is_string()) {
        metric.event.event = json.get<std::string>();
        if (metric.event.event->empty())
            ThrowInvalid(place + " is empty", "",
                         std::string("Give the name of an event, or ") + kMetricExample + ".");
        metric.name = DefaultName(metric);
        return metric;
    }
    const JsonObject object(json, {place, {}, {}, nullptr},
                            {"event", "where", "within", "sum", "count", "value", "name", "good"},
                            kMetricExample);
    ReadFigure(object, metric);
    const std::string good = object.Text("good").value_or("up");
    if (good != "up" && good != "down")
        object.Refuse("good", "is not a direction", "Give \"up\" or \"down\".");
    metric.higher_is_better = good == "up";
    metric.name = object.Text("name").value_or(DefaultName(metric));
    return metric;
}

ExperimentMetric ReadExperimentMetric(const std::string& text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos || text[begin] != '{')
        return ReadExperimentMetric(Json(begin == std::string::npos ? "" : text), "the metric");
    return ReadExperimentMetric(
        rule::ReadJson(text, "the metric",
                       std::string("Give the name of an event, or for example ") + kMetricExample + "."),
        "the metric");
}

Json WriteExperiment(const ExperimentFigures& figures) {
    int64_t all = 0;
    for (const auto& [variant, people] : figures.people) all += people;
    const auto visible = [&](int64_t people) {
        return people < figures.smallest_group ? Json() : Json(people);
    };
    const bool hides = HidesVariant(figures);
    Json variants = Json::array(), metrics = Json::array();
    for (const auto& [variant, people] : figures.people)
        variants.push_back(
            {{"variant", variant},
             {"control", variant == figures.control},
             {"people", visible(people)},
             {"share", hides ? Json() : Json(static_cast<double>(people) / static_cast<double>(all))}});
    for (const MetricFigures& metric : figures.metrics) {
        Json answers = Json::array();
        for (const auto& [variant, people] : figures.people)
            answers.push_back(VariantAnswer(figures, metric, variant).Get());
        metrics.push_back({{"name", metric.metric.name},
                           {"role", metrics.empty() ? "metric" : "guardrail"},
                           {"kind", KindName(metric.metric.kind)},
                           {"good", metric.metric.higher_is_better ? "up" : "down"},
                           {"waiting", visible(metric.waiting)},
                           {"variants", std::move(answers)}});
    }
    return {{"flag", figures.flag},
            {"control", figures.control},
            {"since", figures.since ? Json(FormatMoment(*figures.since)) : Json()},
            {"until", figures.until ? Json(FormatMoment(*figures.until)) : Json()},
            {"as_of", FormatMoment(figures.as_of)},
            {"confidence", figures.confidence},
            {"least_people", figures.least_people},
            {"people", hides ? Json() : visible(all)},
            {"unknown_people", visible(figures.unknown)},
            {"excluded", {{"several_variants", visible(figures.several_variants)}}},
            {"variants", std::move(variants)},
            {"sample_ratio", SampleRatioJson(figures)},
            {"metrics", std::move(metrics)}};
}

}  // namespace pulse::insight
