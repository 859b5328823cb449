// What pulse_status() shows. The kinds of jobs add their rows (job_kind.hpp), room worker the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::pg {

struct StatusRow {
    std::string item, state, value, detail;
};

class StatusReport {
  public:
    // Texts of errors can quote data: they are shown only to roles that may see people.
    explicit StatusReport(bool sees_people);

    void Add(std::string item, std::string state, std::string value, std::string detail = "");
    // How much waits, and since when.
    void AddQueue(const std::string& item, int64_t count, std::optional<Moment> oldest);
    // ok, degraded or down: what something means that is so late. A standby only shows what the primary does.
    const char* StateOf(int64_t late) const;

    // A text of an error, or a remark in its place if the caller may not see it.
    std::string ErrorText(std::string text) const;

    bool standby() const { return standby_; }
    bool sees_people() const { return sees_people_; }
    std::vector<StatusRow>& rows() { return rows_; }

  private:
    std::vector<StatusRow> rows_;
    bool standby_;
    bool sees_people_;
};

// Rows that belong together, and their place among the others.
struct StatusSection {
    int order;
    void (*add)(StatusReport& report);
};

// In whole seconds: "1 min 30 s", "2 d 3 h".
std::string FormatAge(int64_t span);

}  // namespace pulse::pg
