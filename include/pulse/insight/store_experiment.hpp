// Counting an experiment. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/insight/experiment.hpp"

namespace pulse::insight {

struct ExperimentQuestion {
    int64_t flag = 0;  // id
    std::vector<ExperimentMetric> metrics;
};

// Fill in what was counted; `figures` has the times.
void CountExperiment(const ExperimentQuestion& question, ExperimentFigures& figures);

// Throws UserError unless the metric can be counted.
void CheckMetric(const ExperimentMetric& metric);

}  // namespace pulse::insight
