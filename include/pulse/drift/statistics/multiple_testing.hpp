// Many tests at once. A p-value that is NaN counts as 1; others are kept inside [0, 1].
#pragma once

#include <span>
#include <vector>

namespace pulse::drift::statistics {

// Benjamini and Hochberg's adjusted p-values, in the order given: reject where adjusted ≤ the false discovery
// rate.
std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p_values);

}  // namespace pulse::drift::statistics
