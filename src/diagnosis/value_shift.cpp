#include "pulse/diagnosis/value_shift.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>

#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kSignificantZ = 4;      // standard deviations from which a change is significant
constexpr double kNearlyEmptied = 0.6;   // share left, at most, of a value that was renamed as a whole
constexpr double kPartlyEmptied = 0.95;  // the same if only a part of its people have the new one
constexpr double kVanishedShare = 0.02;  // share left of a value that counts as vanished
constexpr size_t kMaxLabels = 12;        // of one pattern
constexpr double kMinShare = 0.01;       // smallest share of members of a reported shift

struct Totals {
    double before = 0, after = 0;
};

Totals Sum(const std::vector<const Cell*>& cells) {
    Totals totals;
    for (const Cell* cell : cells) {
        totals.before += static_cast<double>(cell->before);
        totals.after += static_cast<double>(cell->after);
    }
    return totals;
}

std::vector<const Cell*> All(const DistributionChange& change) {
    std::vector<const Cell*> cells;
    for (const Cell& cell : change.cells) cells.push_back(&cell);
    return cells;
}

// The part of a cell's change beyond the change of the cells outside the set.
double Excess(const Cell& cell, double scale) {
    return static_cast<double>(cell.after) - scale * static_cast<double>(cell.before);
}

double ExcessNoise(const Cell& cell, const Totals& rest) {
    const double before = static_cast<double>(cell.before);
    return std::sqrt(cell.noise * cell.noise + before * before / std::max(rest.before, 1.0));
}

double Scale(const Totals& totals) {
    return totals.before > 0 ? totals.after / totals.before : 1;
}

double ShapeShare(const DistributionChange& change, const std::vector<const Cell*>& set, bool gains) {
    const Totals totals = Sum(All(change));
    if (totals.before <= 0 || totals.after <= 0) return 0;
    const auto share_change = [&](const Cell& cell) {
        return static_cast<double>(cell.after) / totals.after -
               static_cast<double>(cell.before) / totals.before;
    };
    double moved = 0, mine = 0;
    for (const Cell& cell : change.cells) moved += std::abs(share_change(cell)) / 2;
    for (const Cell* cell : set)
        mine += gains ? std::max(0.0, share_change(*cell)) : std::max(0.0, -share_change(*cell));
    return moved > 0 ? Unit(mine / moved) : 0;
}

// Normalizes a label: without case, blanks and punctuation.
std::string PlainValue(const std::string& label) {
    std::string plain;
    for (const unsigned char c : label)
        if (std::isalnum(c) || c >= 0x80) plain += static_cast<char>(std::tolower(c));
    return plain;
}

// Brings the new labels into the order of the old ones they most likely replace: same word first, else next
// in size.
void PairUp(std::vector<const Cell*>& old_cells, std::vector<const Cell*>& new_cells) {
    const auto by_size = [](auto size) {
        return [size](const Cell* a, const Cell* b) {
            return size(*a) != size(*b) ? size(*a) > size(*b) : a->label < b->label;
        };
    };
    std::sort(old_cells.begin(), old_cells.end(), by_size([](const Cell& c) { return c.before - c.after; }));
    std::sort(new_cells.begin(), new_cells.end(), by_size([](const Cell& c) { return c.after - c.before; }));
    for (size_t i = 0; i < old_cells.size() && i < new_cells.size(); ++i)
        for (size_t j = i; j < new_cells.size(); ++j)
            if (!old_cells[i]->label.empty() &&
                PlainValue(old_cells[i]->label) == PlainValue(new_cells[j]->label)) {
                std::rotate(new_cells.begin() + static_cast<long>(i),
                            new_cells.begin() + static_cast<long>(j),
                            new_cells.begin() + static_cast<long>(j) + 1);
                break;
            }
}

struct RenameCells {
    std::vector<const Cell*> old_cells, new_cells, rest;
    bool same_words = true;    // every old value is a new one written otherwise
    bool from_nothing = true;  // nobody had the new values
};

// The values that appeared, and those that lost people to them: all that kept at most the share `kept`, and
// those written otherwise now, however many of their people have the new spelling.
RenameCells CollectRename(const DistributionChange& change, double kept) {
    RenameCells found;
    for (const Cell& cell : change.cells) {
        if (cell.kind != CellKind::kValue || cell.z() <= kSignificantZ ||
            static_cast<double>(cell.before) > 0.15 * static_cast<double>(cell.after))
            continue;
        found.new_cells.push_back(&cell);
        found.from_nothing = found.from_nothing && static_cast<double>(cell.before) <=
                                                       kVanishedShare * static_cast<double>(cell.after);
    }
    for (const Cell& cell : change.cells) {
        const auto is = [&](const Cell* other) { return other == &cell; };
        if (std::any_of(found.new_cells.begin(), found.new_cells.end(), is)) continue;
        const bool same_word =
            cell.delta() < 0 && std::any_of(found.new_cells.begin(), found.new_cells.end(),
                                            [&](const Cell* to) { return SameWord(cell.label, to->label); });
        const bool lost = cell.z() < -kSignificantZ &&
                          static_cast<double>(cell.after) <= kept * static_cast<double>(cell.before);
        if (cell.kind == CellKind::kValue && (same_word || lost)) {
            found.old_cells.push_back(&cell);
            found.same_words = found.same_words && same_word;
        } else {
            found.rest.push_back(&cell);
        }
    }
    return found;
}

// Finds old values that lost people, and new ones that appeared with as many.
std::optional<ValueShift> FindRename(const DistributionChange& change, double kept) {
    RenameCells cells = CollectRename(change, kept);
    auto& [old_cells, new_cells, rest, same_words, from_nothing] = cells;
    if (!change.labelled() || old_cells.empty() || new_cells.empty()) return std::nullopt;
    const Totals whole = Sum(All(change)), others = Sum(rest);
    const double scale = others.before >= 0.1 * whole.before ? Scale(others) : 1;
    double lost = 0, gained = 0, noise = 0, old_before = 0;
    for (const Cell* cell : old_cells) {
        lost -= Excess(*cell, scale);
        old_before += static_cast<double>(cell->before);
        noise += cell->noise * cell->noise;
    }
    for (const Cell* cell : new_cells) gained += Excess(*cell, scale);
    const double people = std::min(lost, gained), balance = people / std::max(lost, gained);
    if (people <= 0 || people < kMinShare * whole.before) return std::nullopt;
    // Part of a value's people took another word: only if the word came from nothing, and from them alone.
    if (!same_words && kept > kNearlyEmptied &&
        (!from_nothing || balance < 0.9 || old_cells.size() > new_cells.size()))
        return std::nullopt;

    ValueShift shift;
    shift.kind = ShiftKind::kRenamed;
    shift.attribute = change.attribute;
    PairUp(old_cells, new_cells);
    for (const Cell* cell : old_cells) {
        shift.labels.push_back(cell->label);
        shift.before += cell->before;
        shift.after += cell->after;
    }
    for (const Cell* cell : new_cells) {
        shift.replacements.push_back(cell->label);
        shift.gained += cell->delta();
    }
    shift.people = std::llround(people);
    // An unequal balance is a loss or an influx beside the rename; a half-emptied old value may be a true
    // change of taste.
    const double emptied = Unit(1 - static_cast<double>(shift.after) / std::max(scale * old_before, 1.0));
    shift.match = Unit((balance - 0.3) / 0.6) * (same_words ? 1 : 0.55 + 0.45 * emptied);
    // A new spelling is noticed by itself, even where the old value has hardly lost anybody.
    shift.support = same_words ? 1 : Support(people / std::sqrt(std::max(noise, 1.0)));
    shift.shape_share = ShapeShare(change, old_cells, false);
    shift.distance = change.distance;
    return shift;
}

// Members whose value became null or NaN, or the reverse: the count of these moves against the others'.
std::optional<ValueShift> FindAbsent(const DistributionChange& change, CellKind kind) {
    const Cell* absent = nullptr;
    Totals values;
    for (const Cell& cell : change.cells) {
        if (cell.kind == kind) {
            absent = &cell;
        } else if (cell.kind != CellKind::kNull && cell.kind != CellKind::kNan) {
            values.before += static_cast<double>(cell.before);
            values.after += static_cast<double>(cell.after);
        }
    }
    if (!absent || std::abs(absent->z()) < kSignificantZ) return std::nullopt;
    const double whole = values.before + static_cast<double>(absent->before);
    const double gain = static_cast<double>(absent->delta());
    const double opposite = values.before - values.after;  // people that the named values lost
    if (std::abs(gain) < kMinShare * whole || gain * opposite <= 0) return std::nullopt;

    ValueShift shift;
    shift.kind = gain > 0 ? ShiftKind::kNulled : ShiftKind::kFilled;
    shift.attribute = change.attribute;
    shift.labelled = false;
    if (kind == CellKind::kNan) shift.labels = {kNanLabel};
    shift.people = std::llround(std::abs(gain));
    shift.before = absent->before;
    shift.after = absent->after;
    shift.match = Unit(std::abs(gain) / std::max(std::abs(gain), std::abs(opposite)) * 1.1);
    shift.support = Support(absent->z());
    shift.shape_share = ShapeShare(change, {absent}, gain > 0);
    shift.distance = change.distance;
    return shift;
}

// The values in which a loss (sign -1) or a growth (sign +1) is concentrated, beyond what all others did.
std::optional<ValueShift> FindConcentration(const DistributionChange& change,
                                            const std::vector<const Cell*>& cells, double sign) {
    const Totals whole = Sum(cells);
    std::vector<const Cell*> candidates(cells);
    const auto relative = [](const Cell* cell) {
        return static_cast<double>(cell->delta()) / std::max<double>(1, static_cast<double>(cell->before));
    };
    std::sort(candidates.begin(), candidates.end(), [&](const Cell* a, const Cell* b) {
        const double ea = sign * relative(a) * std::sqrt(static_cast<double>(a->before) + 1);
        const double eb = sign * relative(b) * std::sqrt(static_cast<double>(b->before) + 1);
        return ea != eb ? ea > eb : CellLabel(*a) < CellLabel(*b);
    });
    std::vector<const Cell*> set;
    Totals rest = whole;
    for (const Cell* cell : candidates) {
        if (set.size() >= kMaxLabels || set.size() + 1 >= cells.size()) break;
        // Rarer values are not reported beside a named one.
        if (!set.empty() && (cell->kind != CellKind::kValue || set.front()->kind != CellKind::kValue))
            continue;
        const Totals without{rest.before - static_cast<double>(cell->before),
                             rest.after - static_cast<double>(cell->after)};
        // What remains must be enough to say what "the others" did, and several values that are most people
        // are the others themselves.
        if (without.before < 0.03 * whole.before) break;
        if (!set.empty() && without.before < 0.5 * whole.before) continue;
        // What only looks lost because the others grew, or the other way round, did not move itself.
        if (sign * cell->z() < kSignificantZ / 2) continue;
        const double excess = sign * Excess(*cell, Scale(without));
        if (excess < kSignificantZ * ExcessNoise(*cell, without)) continue;
        if (!set.empty() && sign * relative(cell) < 0.4 * sign * relative(set.front())) continue;
        set.push_back(cell);
        rest = without;
    }
    if (set.empty()) return std::nullopt;

    const double scale = Scale(rest);
    ValueShift shift;
    shift.attribute = change.attribute;
    double excess = 0, noise = 0;
    for (const Cell* cell : set) {
        shift.labels.push_back(CellLabel(*cell));
        shift.labelled = shift.labelled && change.labelled() && cell->kind == CellKind::kValue;
        shift.before += cell->before;
        shift.after += cell->after;
        excess += sign * Excess(*cell, scale);
        noise += std::pow(ExcessNoise(*cell, rest), 2);
    }
    if (excess < kMinShare * whole.before) return std::nullopt;
    const bool gone = static_cast<double>(shift.after) <= kVanishedShare * static_cast<double>(shift.before);
    const bool fresh = static_cast<double>(shift.before) <= kVanishedShare * static_cast<double>(shift.after);
    shift.kind = sign < 0 ? (gone ? ShiftKind::kVanished : ShiftKind::kLost)
                          : (fresh ? ShiftKind::kAppeared : ShiftKind::kGrew);
    shift.people = std::llround(excess);
    const double net = sign * (whole.after - whole.before);
    shift.size_share = net > 0 ? Unit(excess / net) : 0;
    shift.support = Support(excess / std::sqrt(noise));
    shift.shape_share = ShapeShare(change, set, sign > 0);
    shift.distance = change.distance;
    return shift;
}

void FindIn(const DistributionChange& change, std::vector<ValueShift>& shifts) {
    std::vector<const Cell*> cells = All(change);
    // People whose value was renamed or emptied are still there: they are no loss and no growth.
    const size_t found = shifts.size();
    for (const CellKind kind : {CellKind::kNull, CellKind::kNan})
        if (auto absent = FindAbsent(change, kind); absent && absent->match > 0.5)
            shifts.push_back(std::move(*absent));
    if (shifts.size() > found) return;
    auto rename = FindRename(change, kNearlyEmptied);
    if (!rename || rename->match <= 0) rename = FindRename(change, kPartlyEmptied);
    if (rename && rename->match > 0) {
        shifts.push_back(*rename);
        std::erase_if(cells, [&](const Cell* cell) {
            const auto has = [&](const std::vector<std::string>& labels) {
                return std::find(labels.begin(), labels.end(), cell->label) != labels.end();
            };
            return has(rename->labels) || has(rename->replacements);
        });
    }
    for (const double sign : {-1.0, 1.0})
        if (auto shift = FindConcentration(change, cells, sign)) shifts.push_back(std::move(*shift));
}

}  // namespace

bool SameWord(const std::string& a, const std::string& b) {
    const auto without_blanks = [](std::string text) {
        std::erase(text, ' ');
        return text;
    };
    const std::string plain = PlainValue(a);
    return a != b && plain == PlainValue(b) &&
           (plain.find_first_not_of("0123456789") != std::string::npos ||
            without_blanks(a) == without_blanks(b));
}

std::string CellLabel(const Cell& cell) {
    if (cell.kind == CellKind::kNull) return "(null)";
    if (cell.kind == CellKind::kOther) return "(other)";
    if (cell.kind == CellKind::kNan) return kNanLabel;
    return cell.label;
}

std::vector<ValueShift> FindValueShifts(const std::vector<DistributionChange>& changes) {
    std::vector<ValueShift> shifts;
    for (const DistributionChange& change : changes) FindIn(change, shifts);
    std::stable_sort(shifts.begin(), shifts.end(), [](const ValueShift& a, const ValueShift& b) {
        // Prefer values to intervals, and few values to many.
        const auto strength = [](const ValueShift& m) {
            return m.size_share * m.support * (m.labelled ? 1 : 0.8) -
                   0.02 * static_cast<double>(m.labels.size());
        };
        return strength(a) > strength(b);
    });
    return shifts;
}

bool OfNan(const ValueShift& shift) {
    return !shift.labelled && shift.labels == std::vector<std::string>{kNanLabel};
}

std::string Describe(const ValueShift& shift) {
    const std::string attribute = Short(shift.attribute, 40);
    if (OfNan(shift)) return attribute + " is NaN";
    if (shift.kind == ShiftKind::kNulled || shift.kind == ShiftKind::kFilled) return attribute + " is empty";
    std::vector<std::string> labels;
    for (const std::string& label : shift.labels)
        labels.push_back(label == "(null)"    ? "empty"
                         : label == "(other)" ? "rarer values"
                                              : ShortValue(label));
    if (!shift.labelled && labels.size() == 1 && labels[0] == "empty") return attribute + " is empty";
    return attribute + (shift.labelled ? " = " : " ") + Listed(labels);
}

}  // namespace pulse::diagnosis
