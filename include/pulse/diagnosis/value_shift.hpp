// Finds shifts between the values of an attribute: renamed, nulled, vanished, lost, grown. Pure C++.
#pragma once

#include "pulse/diagnosis/changes.hpp"

namespace pulse::diagnosis {

enum class ShiftKind { kRenamed, kNulled, kFilled, kVanished, kLost, kGrew, kAppeared };

// One shift in one attribute.
struct ValueShift {
    ShiftKind kind = ShiftKind::kLost;
    std::string attribute;
    std::vector<std::string> labels;        // the values as text; for a rename the old ones
    std::vector<std::string> replacements;  // of a rename
    bool labelled = true;                   // labels are values, not intervals, "other", "empty" or NaN
    int64_t gained = 0;                     // of a rename: people the new values have more
    int64_t people = 0;                     // people who moved beyond the change of the rest of the segment
    int64_t before = 0, after = 0;          // members with these labels (a rename: with the old ones)
    double size_share = 0;   // 0..1 of the change of size that this shift explains beyond a uniform change
    double shape_share = 0;  // 0..1 of the attribute's change of shares
    double match = 1;        // 0..1 how well gains and losses fit (renamed, nulled, filled)
    double support = 0;      // 0..1 certainty that it is more than chance
    double distance = 0;     // of the attribute
};

// Find the shifts of all attributes, those that explain most of the change of size first.
std::vector<ValueShift> FindValueShifts(const std::vector<DistributionChange>& changes);

// Whether two values are the same word, but for case, blanks and punctuation. Digits alone are no word: 4.2
// is not 42.
bool SameWord(const std::string& a, const std::string& b);

// "platform = android", "platform = android, ios and 3 more", "platform is empty".
std::string Describe(const ValueShift& shift);

// The label of a cell in texts.
std::string CellLabel(const Cell& cell);
inline constexpr const char* kNanLabel = "(NaN)";
// Whether the shift is one of NaN alone.
bool OfNan(const ValueShift& shift);

}  // namespace pulse::diagnosis
