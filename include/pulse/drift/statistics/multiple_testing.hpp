// Many tests at once. A p-value that is NaN counts as 1; others are kept inside [0, 1].
#pragma once

#include <span>
#include <vector>

namespace pulse::drift::statistics {

// Benjamini and Hochberg's adjusted p-values, in the order given: reject where adjusted ≤ the false discovery
// rate.
std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p_values);

// One p-value for several tests of the same hypothesis, valid although they depend on each other; 1 for none.
double CombineCauchy(std::span<const double> p_values);  // ACAT
double CombineSimes(std::span<const double> p_values);

}  // namespace pulse::drift::statistics
