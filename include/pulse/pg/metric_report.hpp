// What pulse_metrics() shows. Each room registers what it can say of itself when the library is loaded.
#pragma once

#include "pulse/base/metric.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::pg {

class MetricReport {
  public:
    // Begin a family: Add() adds to it. `unit` is seconds, bytes or nothing.
    void Family(MetricType type, const char* name, const char* help, const char* unit = "");
    void Add(double value, std::vector<std::pair<std::string, std::string>> labels = {});
    // A sample per row: the first columns are the labels, the next one, a float8, is the value. Null leaves
    // the row out.
    void AddRows(const Result& rows, const std::vector<const char*>& labels, int value_column = -1);

    std::vector<MetricFamily>& families() { return families_; }

  private:
    std::vector<MetricFamily> families_;
};

// Queues are counted up to here: a scrape costs the same whatever waits.
#define PULSE_MOST_COUNTED "10000"

// A scrape must cost the same however much is stored: read by index, the newest rows, and no more than
// PULSE_MOST_COUNTED rows of a table that grows. Returns true, so that a constant can do it.
bool RegisterMetrics(int order, void (*add)(MetricReport& report));

// Everything that is registered, in its order. Needs an open Session as Identity::Owner().
std::vector<MetricFamily> CollectMetrics();

}  // namespace pulse::pg
