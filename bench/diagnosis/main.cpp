// How often the diagnosis names the cause: labelled incidents from a simulated world, one table per seed.
//   diagnosis [PER_LABEL [SEED...]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "incidents.hpp"
#include "pulse/diagnosis/diagnosis.hpp"

namespace {

using namespace pulse;

struct Tally {
    int cases = 0, first = 0, third = 0, both = 0;
    std::map<std::string, int> instead;  // what stood first when it was wrong
};

// A combination must name the same values of the same attributes, no more and no fewer.
bool SameTogether(std::vector<diagnosis::Condition> a, std::vector<diagnosis::Condition> b) {
    const auto by_name = [](const auto& x, const auto& y) { return x.attribute < y.attribute; };
    std::sort(a.begin(), a.end(), by_name);
    std::sort(b.begin(), b.end(), by_name);
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.attribute == y.attribute && x.values == y.values;
    });
}

int RankOf(const diagnosis::Diagnosis& found, const std::string& label, const bench::Labelled& one) {
    for (size_t i = 0; i < found.hypotheses.size(); ++i)
        if (diagnosis::Name(found.hypotheses[i].cause) == label &&
            SameTogether(found.hypotheses[i].subject.conditions, one.together))
            return static_cast<int>(i) + 1;
    return 1000;
}

struct Right {
    int cases = 0, right = 0;
};

struct Calibration {
    Right by_confidence[20];
    std::map<std::string, Right> sure;  // by the cause named first, above 75 %
};

void Take(Tally& tally, Calibration& calibration, const bench::Labelled& one) {
    const diagnosis::Diagnosis found = diagnosis::Diagnose(one.input);
    int best = 1000, worst = 0;
    for (const std::string& label : one.labels) {
        best = std::min(best, RankOf(found, label, one));
        worst = std::max(worst, RankOf(found, label, one));
    }
    ++tally.cases;
    tally.first += best == 1;
    tally.third += best <= 3;
    tally.both += worst <= 3;
    if (best != 1)
        ++tally.instead[std::string(diagnosis::Name(found.hypotheses.front().cause)) + " on " +
                        one.input.detector];
    const diagnosis::Hypothesis& first = found.hypotheses.front();
    const auto count = [&](Right& tally) { ++tally.cases, tally.right += best == 1; };
    count(calibration.by_confidence[std::min(19, static_cast<int>(first.confidence * 20))]);
    if (first.confidence > 0.75) count(calibration.sure[diagnosis::Name(first.cause)]);
    if (std::getenv("PULSE_BENCH_VERBOSE") && best != 1) {
        std::fprintf(stderr, "--- %s (%s %s)\n", one.labels.front().c_str(), one.input.detector.c_str(),
                     one.input.attribute.c_str());
        for (const diagnosis::Condition& condition : one.together)
            std::fprintf(stderr, "together: %s = %s\n", condition.attribute.c_str(),
                         condition.values[0].c_str());
        for (const auto& line : diagnosis::ToText(found)) std::fprintf(stderr, "%s\n", line.c_str());
    }
}

double Percent(int part, int whole) {
    return whole ? 100.0 * part / whole : 0;
}

void PrintRow(const std::string& label, const Tally& tally, bool doubles) {
    std::string instead;
    for (const auto& [cause, count] : tally.instead)
        instead += (instead.empty() ? "" : ", ") + cause + " " + std::to_string(count);
    std::printf("| %s | %d | %.1f %% | %.1f %% | %s |\n", label.c_str(), tally.cases,
                Percent(tally.first, tally.cases), Percent(doubles ? tally.both : tally.third, tally.cases),
                instead.c_str());
}

void Run(int per_label, uint64_t seed) {
    bench::Random random(seed);
    Tally all, together;
    Calibration calibration;
    std::printf(
        "\nSeed %llu\n\n| change | incidents | named first | among the first three | named first "
        "instead |\n"
        "|---|---|---|---|---|\n",
        static_cast<unsigned long long>(seed));
    const char* only = std::getenv("PULSE_BENCH_ONLY");  // a part of the labels' names
    for (const std::string& label : bench::Labels()) {
        if (only && label.find(only) == std::string::npos) continue;
        Tally tally;
        for (int i = 0; i < per_label; ++i) Take(tally, calibration, bench::MakeIncident(label, random));
        PrintRow(label, tally, false);
        if (label.starts_with("combination"))
            together.cases += tally.cases, together.first += tally.first, together.third += tally.third;
        all.cases += tally.cases;
        all.first += tally.first;
        all.third += tally.third;
    }
    PrintRow("**combinations**", together, false);
    PrintRow("**one cause, all**", all, false);
    Tally doubles;
    for (int i = 0; i < per_label * 5 && !only; ++i) Take(doubles, calibration, bench::MakeDouble(random));
    PrintRow("two causes: one first, both in three", doubles, true);
    std::printf("\n| stated confidence | incidents | right |\n|---|---|---|\n");
    for (int b = 0; b < 20; ++b)
        if (const Right& one = calibration.by_confidence[b]; one.cases)
            std::printf("| %d to %d %% | %d | %.0f %% |\n", b * 5, b * 5 + 5, one.cases,
                        Percent(one.right, one.cases));
    std::printf("\n| named first, above 75 %% | incidents | right |\n|---|---|---|\n");
    for (const auto& [cause, one] : calibration.sure)
        std::printf("| %s | %d | %.1f %% |\n", cause.c_str(), one.cases, Percent(one.right, one.cases));
}

}  // namespace

int main(int argc, char** argv) {
    const int per_label = argc > 1 ? std::atoi(argv[1]) : 12;
    if (argc < 3) {
        Run(per_label, 1);  // the seed the diagnosis was developed with
        Run(per_label, 2);  // hold-out
    }
    for (int i = 2; i < argc; ++i) Run(per_label, std::strtoull(argv[i], nullptr, 10));
}
