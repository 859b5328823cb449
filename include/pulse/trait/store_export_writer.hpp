// Writes a file of pulse.export piece by piece, with constant memory, within the limits of the settings. For
// entry code of this room and later ones; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/pg/error.hpp"

namespace pulse::trait {

struct ExportHead {
    std::optional<std::string> segment;  // empty: everybody
    std::string filename, format = "csv";
    Moment as_of = 0;
    std::string creator;
};

class ExportWriter {
  public:
    // Throws UserError 54000 if the settings do not allow another file.
    explicit ExportWriter(const ExportHead& head);
    // Writes one that was queued.
    ExportWriter(int64_t queued, Moment as_of);
    ~ExportWriter();
    ExportWriter(const ExportWriter&) = delete;
    ExportWriter& operator=(const ExportWriter&) = delete;

    // Add whole lines, with their ends. Throws UserError 54000 as soon as the files are too large.
    void Add(const std::string& lines);
    // After the lines of these people, by canonical id: an erasure of one of them deletes the file.
    void NotePeople(const std::vector<int64_t>& people);
    // Write the rest and the secret of the file's links; returns the id. Throws UserError 54000, 55P03.
    int64_t Finish(int64_t users);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// A row for a file that a job is going to write, by a request that is kept; returns its id. Throws UserError
// 54000.
int64_t QueueExport(const ExportHead& head, const nlohmann::json& request, Oid role);

}  // namespace pulse::trait
