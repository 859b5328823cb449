// Reads a checkout of the Numenta Anomaly Benchmark: series, windows, profiles, stored scores of detectors.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "nab_scoring.hpp"

namespace pulse::nab {

namespace fs = std::filesystem;

inline std::ifstream Open(const fs::path& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return file;
}

// A column of a table with a heading; the other columns contain no quotes.
inline std::vector<std::string> ReadColumn(const fs::path& path, const std::string& name) {
    std::ifstream file = Open(path);
    std::vector<std::string> values;
    std::string line, cell;
    size_t column = 0;
    std::getline(file, line);
    std::istringstream heading(line);
    while (std::getline(heading, cell, ',') && cell != name && cell != name + "\r") ++column;
    while (std::getline(file, line)) {
        std::istringstream cells(line);
        for (size_t i = 0; i <= column; ++i)
            if (!std::getline(cells, cell, ','))
                throw std::runtime_error("no " + name + " in " + path.string());
        values.push_back(cell);
    }
    return values;
}

inline std::vector<double> ReadNumbers(const fs::path& path, const std::string& name) {
    std::vector<double> numbers;
    for (const std::string& text : ReadColumn(path, name)) numbers.push_back(std::stod(text));
    return numbers;
}

// All series, in alphabetical order.
inline std::vector<Series> ReadSeries(const fs::path& root) {
    const auto labels = nlohmann::json::parse(Open(root / "labels/combined_windows.json"));
    std::vector<Series> all;
    for (const auto& [name, windows] : labels.items()) {
        Series& series = all.emplace_back();
        series.name = name;
        series.times = ReadColumn(root / "data" / name, "timestamp");
        series.values = ReadNumbers(root / "data" / name, "value");
        // The windows have microseconds, the rows do not.
        const auto row = [&](const std::string& time) {
            const auto found = std::find(series.times.begin(), series.times.end(), time.substr(0, 19));
            if (found == series.times.end()) throw std::runtime_error(name + " has no row " + time);
            return static_cast<size_t>(found - series.times.begin());
        };
        for (const auto& window : windows) series.windows.emplace_back(row(window.at(0)), row(window.at(1)));
    }
    return all;
}

// The scores that the benchmark stores of another detector.
inline void ReadScores(const fs::path& root, const std::string& detector, std::vector<Series>& all) {
    for (Series& series : all) {
        const fs::path name(series.name);
        series.scores = ReadNumbers(
            root / "results" / detector / name.parent_path() / (detector + "_" + name.filename().string()),
            "anomaly_score");
    }
}

// The standard one first.
inline std::vector<Profile> ReadProfiles(const fs::path& root) {
    const auto stored = nlohmann::json::parse(Open(root / "config/profiles.json"));
    std::vector<Profile> profiles;
    for (const char* name : {"standard", "reward_low_FP_rate", "reward_low_FN_rate"}) {
        const auto& costs = stored.at(name).at("CostMatrix");
        profiles.push_back({name, costs.at("tpWeight"), costs.at("fnWeight"), costs.at("fpWeight")});
    }
    return profiles;
}

}  // namespace pulse::nab
