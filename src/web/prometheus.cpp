#include "pulse/web/prometheus.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <stdexcept>
#include <string_view>

#include "pulse/base/utf8.hpp"

namespace pulse::web {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

// A colon is for names that rules make, not for what is scraped.
void CheckMetricName(std::string_view name) {
    if (name.empty() || kLetters.find(name.front()) == std::string_view::npos ||
        name.find_first_not_of(kNameCharacters) != std::string_view::npos)
        throw std::invalid_argument("invalid name of a metric or label: " + std::string(name));
}

void CheckLabels(const Labels& labels) {
    for (size_t i = 0; i < labels.size(); ++i) {
        CheckMetricName(labels[i].first);
        if (labels[i].first.starts_with("__") || (i > 0 && labels[i].first == labels[i - 1].first))
            throw std::invalid_argument("invalid label: " + labels[i].first);
    }
}

// Bytes that are not UTF-8 would make the whole text invalid.
std::string Escape(std::string_view text, bool quotes) {
    std::string escaped;
    while (!text.empty()) {
        const char32_t character = NextCharacter(text);
        if (character == '\\')
            escaped += "\\\\";
        else if (character == '\n')
            escaped += "\\n";
        else if (character == '"' && quotes)
            escaped += "\\\"";
        else
            AppendUtf8(escaped, character);
    }
    return escaped;
}

std::string Number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    constexpr double kExact = 9007199254740992;  // 2^53: whole numbers up to here are printed as such
    char buffer[32];
    const auto end = value == std::trunc(value) && std::fabs(value) < kExact
                         ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<long long>(value)).ptr
                         : std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    return {buffer, end};
}

// The labels by name, in braces; empty without any.
std::string PrintLabels(const Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels)
        text += (text.empty() ? "{" : ",") + name + "=\"" + Escape(value, true) + "\"";
    return text.empty() ? text : text + "}";
}

class Printer {
  public:
    explicit Printer(bool openmetrics) : openmetrics_(openmetrics) {}

    // All families of one name.
    void Add(const std::vector<const MetricFamily*>& families) {
        const MetricFamily& first = *families.front();
        Describe(first);
        std::set<std::string> seen;
        for (const MetricFamily* family : families)
            for (const MetricSample& sample : family->samples) AddSample(first, sample, seen);
    }

    std::string Take() {
        if (openmetrics_) text_ += "# EOF\n";
        return std::move(text_);
    }

  private:
    void Describe(const MetricFamily& family) {
        CheckMetricName(family.name);
        const bool counter = family.type == MetricType::kCounter;
        std::string stem = family.name;
        if (counter != stem.ends_with(kTotal))
            throw std::invalid_argument("the names of counters, and only they, end with _total: " + stem);
        if (counter) stem.resize(stem.size() - kTotal.size());
        // OpenMetrics names the family of a counter without _total.
        const std::string& name = openmetrics_ ? stem : family.name;
        const std::string help = "# HELP " + name + " " + Escape(family.help, openmetrics_) + "\n";
        const std::string type = "# TYPE " + name + " " + Name(family.type) + "\n";
        if (!family.unit.empty() && !stem.ends_with("_" + family.unit))
            throw std::invalid_argument("the name of a metric ends with its unit: " + stem);
        if (openmetrics_)
            text_ += type + (family.unit.empty() ? "" : "# UNIT " + name + " " + family.unit + "\n") + help;
        else
            text_ += help + type;
    }

    void AddSample(const MetricFamily& family, const MetricSample& sample, std::set<std::string>& seen) {
        Labels labels = sample.labels;
        std::sort(labels.begin(), labels.end());
        CheckLabels(labels);
        const std::string series = family.name + sample.suffix + PrintLabels(labels);
        if (seen.insert(series).second) text_ += series + " " + Number(sample.value) + "\n";
    }

    bool openmetrics_;
    std::string text_;
};

}  // namespace

std::string PrometheusText(const std::vector<MetricFamily>& families, bool openmetrics) {
    Printer printer(openmetrics);
    std::set<std::string> done;
    for (size_t i = 0; i < families.size(); ++i) {
        if (!done.insert(families[i].name).second) continue;
        std::vector<const MetricFamily*> same;
        for (size_t k = i; k < families.size(); ++k)
            if (families[k].name == families[i].name) same.push_back(&families[k]);
        printer.Add(same);
    }
    return printer.Take();
}

}  // namespace pulse::web
