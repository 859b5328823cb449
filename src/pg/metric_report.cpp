#include "pulse/pg/metric_report.hpp"

#include <algorithm>

#include "pulse/pg/background.hpp"

namespace pulse::pg {

namespace {

struct MetricSection {
    int order;
    void (*add)(MetricReport& report);
};

// Made by whoever registers first: the order in which files are initialised is not known.
std::vector<MetricSection>& MetricSections() {
    static std::vector<MetricSection> sections;
    return sections;
}

}  // namespace

void MetricReport::Family(MetricType type, const char* name, const char* help, const char* unit) {
    families_.push_back({name, type, help, unit, {}});
}

void MetricReport::Add(double value, std::vector<std::pair<std::string, std::string>> labels) {
    families_.back().samples.push_back({std::move(labels), value});
}

void MetricReport::AddRows(const Result& rows, const std::vector<const char*>& labels, int value_column) {
    const int column = value_column < 0 ? static_cast<int>(labels.size()) : value_column;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::optional<double> value = rows[i].Float8OrNull(column);
        if (!value) continue;
        std::vector<std::pair<std::string, std::string>> pairs;
        for (size_t n = 0; n < labels.size(); ++n)
            pairs.emplace_back(labels[n], rows[i].Output(static_cast<int>(n)).value_or(""));
        Add(*value, std::move(pairs));
    }
}

bool RegisterMetrics(int order, void (*add)(MetricReport& report)) {
    MetricSections().push_back({order, add});
    return true;
}

std::vector<MetricFamily> CollectMetrics() {
    // Planned for a large table, also where statistics are old. Compiling would take longer than the
    // statements.
    const Identity identity = Identity::Owner();
    for (const char* setting : {"enable_seqscan", "enable_bitmapscan", "jit"}) SetLocally(setting, "off");
    std::vector<MetricSection> sections = MetricSections();
    std::sort(sections.begin(), sections.end(),
              [](const MetricSection& a, const MetricSection& b) { return a.order < b.order; });
    MetricReport report;
    for (const MetricSection& section : sections) {
        CheckInterrupts();
        section.add(report);
    }
    return std::move(report.families());
}

}  // namespace pulse::pg
