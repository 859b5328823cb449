// Patterns in the values of attributes: renamed, emptied, vanished, lost, grown. Pure C++.
#pragma once

#include "pulse/diagnosis/changes.hpp"

namespace pulse::diagnosis {

enum class ShiftKind { kRenamed, kNulled, kFilled, kVanished, kLost, kGrew, kAppeared };

// One pattern in one attribute.
struct ValueShift {
    ShiftKind kind = ShiftKind::kLost;
    std::string attribute;
    std::vector<std::string> labels;        // as people write them; for a rename the old ones
    std::vector<std::string> replacements;  // of a rename
    bool labelled = true;                   // labels are values, not intervals, "other" or "empty"
    int64_t people = 0;                     // how many moved beyond what the rest of the segment did
    int64_t before = 0, after = 0;          // members with these labels (a rename: with the old ones)
    double size_share = 0;   // 0..1 of the change of size that lies in it and not in everybody alike
    double shape_share = 0;  // 0..1 of the attribute's shift that it makes up
    double match = 1;        // 0..1 how well gains and losses fit (renamed, nulled, filled)
    double support = 0;      // 0..1 more than chance
    double distance = 0;     // of the attribute
};

// All patterns of all attributes, the strongest for the change of size first.
std::vector<ValueShift> FindValueShifts(const std::vector<AttributeChange>& changes);

// "platform = android", "platform = android, ios and 3 more", "platform is empty".
std::string Describe(const ValueShift& shift);

// The value of a cell as a person reads it.
std::string CellLabel(const Cell& cell);

}  // namespace pulse::diagnosis
