#include "pulse/pg/status_report.hpp"

#include <algorithm>

#include "pulse/base/duration.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::pg {

namespace {

constexpr int64_t kLate = kMinute;  // overdue by this is degraded
constexpr int64_t kVeryLate = 10 * kMinute;

}  // namespace

StatusReport::StatusReport(bool sees_people) : standby_(OnStandby()), sees_people_(sees_people) {}

std::string StatusReport::ErrorText(std::string text) const {
    return sees_people_ || text.empty() ? std::move(text) : "(text hidden below level people_reader)";
}

void StatusReport::Add(std::string item, std::string state, std::string value, std::string detail) {
    rows_.push_back({std::move(item), std::move(state), std::move(value), std::move(detail)});
}

void StatusReport::AddQueue(const std::string& item, int64_t count, std::optional<Moment> oldest) {
    const int64_t wait = oldest ? WallClock() - *oldest : 0;
    Add(item, count == 0 ? "ok" : StateOf(wait), std::to_string(count),
        count == 0 ? "" : std::to_string(count) + " overdue, the oldest by " + FormatAge(wait));
}

const char* StatusReport::StateOf(int64_t late) const {
    if (late < kLate || standby_) return "ok";
    return late < kVeryLate ? "degraded" : "down";
}

std::string FormatAge(int64_t span) {
    return FormatDuration(std::max<int64_t>(0, span) / kSecond * kSecond);
}

}  // namespace pulse::pg
