#include "pulse/diagnosis/value_shift.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>

#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr double kSure = 4;              // standard deviations from which a cell has moved
constexpr double kGone = 0.02;           // share left of a value that counts as vanished
constexpr size_t kMostLabels = 12;       // of one pattern
constexpr double kSmallestShare = 0.01;  // of the members, for a pattern to be worth a word

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

std::vector<const Cell*> All(const AttributeChange& change) {
    std::vector<const Cell*> cells;
    for (const Cell& cell : change.cells) cells.push_back(&cell);
    return cells;
}

// How much of a cell's change is its own: what it has beyond the course of all cells outside the set.
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

double ShapeShare(const AttributeChange& change, const std::vector<const Cell*>& set, bool gains) {
    const Totals totals = Sum(All(change));
    if (totals.before <= 0 || totals.after <= 0) return 0;
    const auto shift = [&](const Cell& cell) {
        return static_cast<double>(cell.after) / totals.after -
               static_cast<double>(cell.before) / totals.before;
    };
    double moved = 0, mine = 0;
    for (const Cell& cell : change.cells) moved += std::abs(shift(cell)) / 2;
    for (const Cell* cell : set) mine += gains ? std::max(0.0, shift(*cell)) : std::max(0.0, -shift(*cell));
    return moved > 0 ? Unit(mine / moved) : 0;
}

// The same word but for case, blanks and punctuation.
std::string Plain(const std::string& label) {
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
            if (!old_cells[i]->label.empty() && Plain(old_cells[i]->label) == Plain(new_cells[j]->label)) {
                std::rotate(new_cells.begin() + static_cast<long>(i),
                            new_cells.begin() + static_cast<long>(j),
                            new_cells.begin() + static_cast<long>(j) + 1);
                break;
            }
}

// Old values that (nearly) went and new ones that came with as many people.
std::optional<ValueMove> FindRename(const AttributeChange& change) {
    std::vector<const Cell*> old_cells, new_cells, rest;
    for (const Cell& cell : change.cells) {
        const bool gained =
            cell.z() > kSure && static_cast<double>(cell.before) <= 0.15 * static_cast<double>(cell.after);
        const bool lost =
            cell.z() < -kSure && static_cast<double>(cell.after) <= 0.6 * static_cast<double>(cell.before);
        if (cell.kind == CellKind::kValue && gained)
            new_cells.push_back(&cell);
        else if (cell.kind == CellKind::kValue && lost)
            old_cells.push_back(&cell);
        else
            rest.push_back(&cell);
    }
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
    const double people = std::min(lost, gained);
    if (people <= 0 || people < kSmallestShare * whole.before) return std::nullopt;

    ValueMove move;
    move.move = Move::kRenamed;
    move.attribute = change.attribute;
    PairUp(old_cells, new_cells);
    for (const Cell* cell : old_cells) {
        move.labels.push_back(cell->label);
        move.before += cell->before;
        move.after += cell->after;
    }
    for (const Cell* cell : new_cells) move.replacements.push_back(cell->label);
    move.people = std::llround(people);
    // An unequal balance is a loss or an influx beside the rename; a half-emptied old value may be a true
    // change of taste.
    const double balance = people / std::max(lost, gained);
    const double emptied = Unit(1 - static_cast<double>(move.after) / std::max(scale * old_before, 1.0));
    move.match = Unit((balance - 0.3) / 0.6) * (0.55 + 0.45 * emptied);
    move.support = Support(people / std::sqrt(std::max(noise, 1.0)));
    move.shape_share = ShapeShare(change, old_cells, false);
    move.distance = change.distance;
    return move;
}

// Members whose value became null, or null became a value: the count of nulls moves against the others'.
std::optional<ValueMove> FindNulls(const AttributeChange& change) {
    const Cell* nulls = nullptr;
    Totals values;
    for (const Cell& cell : change.cells) {
        if (cell.kind == CellKind::kNull) {
            nulls = &cell;
        } else {
            values.before += static_cast<double>(cell.before);
            values.after += static_cast<double>(cell.after);
        }
    }
    if (!nulls || std::abs(nulls->z()) < kSure) return std::nullopt;
    const double whole = values.before + static_cast<double>(nulls->before);
    const double gain = static_cast<double>(nulls->delta());
    const double opposite = values.before - values.after;  // what the named values lost
    if (std::abs(gain) < kSmallestShare * whole || gain * opposite <= 0) return std::nullopt;

    ValueMove move;
    move.move = gain > 0 ? Move::kNulled : Move::kFilled;
    move.attribute = change.attribute;
    move.labelled = false;
    move.people = std::llround(std::min(std::abs(gain), std::abs(opposite)));
    move.before = nulls->before;
    move.after = nulls->after;
    move.match = Unit(std::abs(gain) / std::max(std::abs(gain), std::abs(opposite)) * 1.1);
    move.support = Support(nulls->z());
    move.shape_share = ShapeShare(change, {nulls}, gain > 0);
    move.distance = change.distance;
    return move;
}

// The values in which a loss (sign -1) or a growth (sign +1) is concentrated, beyond what all others did.
std::optional<ValueMove> FindConcentration(const AttributeChange& change,
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
        if (set.size() >= kMostLabels || set.size() + 1 >= cells.size()) break;
        // The rarer values are nobody's cause beside a named one.
        if (!set.empty() && (cell->kind != CellKind::kValue || set.front()->kind != CellKind::kValue))
            continue;
        const Totals without{rest.before - static_cast<double>(cell->before),
                             rest.after - static_cast<double>(cell->after)};
        // What remains must be enough to say what "the others" did.
        if (without.before < 0.03 * whole.before) break;
        // What only looks lost because the others grew, or the other way round, did not move itself.
        if (sign * cell->z() < kSure / 2) continue;
        const double excess = sign * Excess(*cell, Scale(without));
        if (excess < kSure * ExcessNoise(*cell, without)) continue;
        if (!set.empty() && sign * relative(cell) < 0.4 * sign * relative(set.front())) continue;
        set.push_back(cell);
        rest = without;
    }
    if (set.empty()) return std::nullopt;

    const double scale = Scale(rest);
    ValueMove move;
    move.attribute = change.attribute;
    double excess = 0, noise = 0;
    for (const Cell* cell : set) {
        move.labels.push_back(CellLabel(*cell));
        move.labelled = move.labelled && change.labelled() && cell->kind == CellKind::kValue;
        move.before += cell->before;
        move.after += cell->after;
        excess += sign * Excess(*cell, scale);
        noise += std::pow(ExcessNoise(*cell, rest), 2);
    }
    if (excess < kSmallestShare * whole.before) return std::nullopt;
    const bool gone = static_cast<double>(move.after) <= kGone * static_cast<double>(move.before);
    const bool fresh = static_cast<double>(move.before) <= kGone * static_cast<double>(move.after);
    move.move = sign < 0 ? (gone ? Move::kVanished : Move::kLost) : (fresh ? Move::kAppeared : Move::kGrew);
    move.people = std::llround(excess);
    const double net = sign * (whole.after - whole.before);
    move.size_share = net > 0 ? Unit(excess / net) : 0;
    move.support = Support(excess / std::sqrt(noise));
    move.shape_share = ShapeShare(change, set, sign > 0);
    move.distance = change.distance;
    return move;
}

void FindIn(const AttributeChange& change, std::vector<ValueMove>& moves) {
    std::vector<const Cell*> cells = All(change);
    // People whose value was renamed or emptied are still there: they are no loss and no growth.
    if (const auto nulls = FindNulls(change); nulls && nulls->match > 0.5) {
        moves.push_back(*nulls);
        return;
    }
    if (const auto rename = FindRename(change); rename && rename->match > 0) {
        moves.push_back(*rename);
        std::erase_if(cells, [&](const Cell* cell) {
            const auto has = [&](const std::vector<std::string>& labels) {
                return std::find(labels.begin(), labels.end(), cell->label) != labels.end();
            };
            return has(rename->labels) || has(rename->replacements);
        });
    }
    for (const double sign : {-1.0, 1.0})
        if (auto move = FindConcentration(change, cells, sign)) moves.push_back(std::move(*move));
}

}  // namespace

std::string CellLabel(const Cell& cell) {
    if (cell.kind == CellKind::kNull) return "(null)";
    if (cell.kind == CellKind::kOther) return "(other)";
    return cell.label;
}

std::vector<ValueMove> FindMoves(const std::vector<AttributeChange>& changes) {
    std::vector<ValueMove> moves;
    for (const AttributeChange& change : changes) FindIn(change, moves);
    std::stable_sort(moves.begin(), moves.end(), [](const ValueMove& a, const ValueMove& b) {
        // Values before intervals, and few values before many that say the same.
        const auto strength = [](const ValueMove& m) {
            return m.size_share * m.support * (m.labelled ? 1 : 0.8) -
                   0.02 * static_cast<double>(m.labels.size());
        };
        return strength(a) > strength(b);
    });
    return moves;
}

std::string Describe(const ValueMove& move) {
    const std::string attribute = Short(move.attribute, 40);
    if (move.move == Move::kNulled || move.move == Move::kFilled) return attribute + " is empty";
    std::vector<std::string> labels;
    for (const std::string& label : move.labels)
        labels.push_back(label == "(null)"    ? "empty"
                         : label == "(other)" ? "rarer values"
                                              : Short(label, 40));
    if (!move.labelled && labels.size() == 1 && labels[0] == "empty") return attribute + " is empty";
    return attribute + (move.labelled ? " = " : " ") + Listed(labels);
}

}  // namespace pulse::diagnosis
