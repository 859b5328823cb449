// The score of the Numenta Anomaly Benchmark, as Lavin and Ahmad describe it (Evaluating Real-Time Anomaly
// Detection Algorithms, 2015). Pure C++.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace pulse::nab {

// What a window that is found early, one that is missed and a false alarm count.
struct Profile {
    std::string name;
    double found = 1, missed = 1, false_alarm = 0.11;
};

struct Series {
    std::string name;  // with its folder
    std::vector<std::string> times;
    std::vector<double> values;
    std::vector<std::pair<size_t, size_t>> windows;  // the first and the last row of each
    std::vector<double> scores;                      // of the detector, from 0 to 1
};

// The rows at the beginning that count for nothing: 15 %, at most 750.
inline size_t Probation(size_t rows) {
    return std::min(rows * 15 / 100, size_t{750});
}

// From 1, well before the end of a window, through 0 at its end to -1 well after it.
inline double Sigmoid(double position) {
    return position > 3 ? -1 : 2 / (1 + std::exp(5 * position)) - 1;
}

// The alarms of a set of series, for every threshold.
class Scorer {
  public:
    explicit Scorer(Profile profile) : profile_(std::move(profile)) {}

    void Add(const Series& series) {
        const size_t probation = Probation(series.scores.size());
        size_t next = 0;  // window
        for (size_t i = 0; i < series.scores.size(); ++i) {
            while (next < series.windows.size() && i > series.windows[next].second) ++next;
            const bool inside = next < series.windows.size() && i >= series.windows[next].first;
            if (i < probation) continue;
            rows_.push_back({series.scores[i], Gain(series, next, i, inside),
                             inside ? static_cast<int>(windows_ + next) : kNoWindow});
        }
        windows_ += series.windows.size();
        sorted_ = false;
    }

    // The threshold with the largest score; above 1 if it is best to find nothing.
    double BestThreshold() {
        double best = 1.1, best_score = -profile_.missed * static_cast<double>(windows_);
        Sweep([&](double threshold, double score) {
            if (score > best_score) best = threshold, best_score = score;
            return true;
        });
        return best;
    }

    // The score at a threshold: 100 if every window is found at once without a false alarm, 0 if none is
    // found.
    double Score(double threshold) {
        const double nothing = -profile_.missed * static_cast<double>(windows_);
        double score = nothing;
        Sweep([&](double next, double at) {
            if (next < threshold) return false;
            score = at;
            return true;
        });
        return 100 * (score - nothing) / (profile_.found * static_cast<double>(windows_) - nothing);
    }

    // The windows that are found at a threshold, and the alarms outside all windows.
    std::pair<size_t, size_t> Count(double threshold) const {
        std::vector<bool> found(windows_);
        size_t false_alarms = 0;
        for (const Row& row : rows_) {
            if (row.score < threshold) continue;
            if (row.window == kNoWindow)
                ++false_alarms;
            else
                found[static_cast<size_t>(row.window)] = true;
        }
        return {static_cast<size_t>(std::count(found.begin(), found.end(), true)), false_alarms};
    }

    size_t windows() const { return windows_; }

  private:
    static constexpr int kNoWindow = -1;
    struct Row {
        double score, gain;
        int window;
    };

    double Gain(const Series& series, size_t next, size_t row, bool inside) const {
        const auto distance = [](size_t from, size_t to) {
            return static_cast<double>(to) - static_cast<double>(from);
        };
        if (inside) {
            const auto [first, last] = series.windows[next];
            const double position = -(distance(row, last) + 1) / (distance(first, last) + 1);
            return profile_.found * Sigmoid(position) / Sigmoid(-1);
        }
        if (next == 0) return -profile_.false_alarm;
        const auto [first, last] = series.windows[next - 1];
        return profile_.false_alarm * Sigmoid(distance(last, row) / distance(first, last));
    }

    // Calls `see` with every threshold, from the highest, and the score at it, until it returns false.
    template <typename See>
    void Sweep(See see) {
        if (!sorted_)
            std::sort(rows_.begin(), rows_.end(),
                      [](const Row& a, const Row& b) { return a.score > b.score; });
        sorted_ = true;
        std::vector<double> best(windows_,
                                 -profile_.missed);  // of the alarms in a window the best one counts
        double score = -profile_.missed * static_cast<double>(windows_);
        for (size_t i = 0; i < rows_.size(); ++i) {
            const Row& row = rows_[i];
            if (row.window == kNoWindow) {
                score += row.gain;
            } else if (double& gain = best[static_cast<size_t>(row.window)]; row.gain > gain) {
                score += row.gain - gain;
                gain = row.gain;
            }
            if (i + 1 < rows_.size() && rows_[i + 1].score == row.score) continue;
            if (!see(row.score, score)) return;
        }
    }

    Profile profile_;
    std::vector<Row> rows_;
    size_t windows_ = 0;
    bool sorted_ = false;
};

}  // namespace pulse::nab
