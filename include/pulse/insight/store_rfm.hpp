// The settings of RFM, kept with versions, and figures by them. For entry code of this room.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/insight/rfm.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::insight {

// ---- store_rfm.cpp ----

// A row of pulse.rfm_version.
struct RfmVersion {
    int version = 0;
    Moment at = 0;
    bool enabled = false;
    RfmSettings settings;
};

// The settings that hold at a moment; before the first ones, those. A copy: others may change them meanwhile.
// Throws UserError 55000 while RFM is off.
RfmVersion RequireRfm(Moment at);

// Arguments of pulse_enable_rfm(); unset: unchanged, or as by default.
struct RfmInput {
    std::optional<std::string> event, property, grouping;
    std::optional<int64_t> window_days;
    std::optional<pg::Json> cuts;
};
// Switch RFM on, or change its settings. Returns the version. Throws UserError.
int EnableRfm(const RfmInput& input);
// Throws UserError 2BP01 while a definition uses it.
void DisableRfm();
// Compute quintiles again unless they are younger than a day. Whether there are new ones.
bool RefreshRfm();
// When quintiles are due; empty: never.
std::optional<Moment> RfmDue();

// ---- store_rfm_scan.cpp; these need a pg::Session as pg::Identity::Owner() ----

// SELECT id, last, purchases, money of each person with such an event in the window that ends at $1.
std::string RfmScan(const RfmSettings& settings);

// Cuts that divide people into fifths, and the shares of people that they give the scores 1 to 5.
struct RfmQuintiles {
    RfmSettings settings;
    int64_t people = 0;
    pg::Json shares;
};
// Throws UserError 55000 if there are too few people.
RfmQuintiles ComputeQuintiles(const RfmSettings& settings, Moment now);

// The rows of pulse_rfm(). Throws UserError 22023 for an unknown `by`. `sees_people`: shows figures of fewer
// than 10 people, too.
pg::Result ReadRfm(const RfmVersion& version, const std::string& by, Moment now, bool sees_people);

}  // namespace pulse::insight
