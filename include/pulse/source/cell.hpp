// What the cells of source::Rows say: values as PostgreSQL prints them in every visit. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pulse::source {

using Cell = std::optional<std::string>;

// All of them throw UserError XX001 naming the cell when it is null or says something else.
int64_t ToInteger(const Cell& cell);
double ToNumber(const Cell& cell);                         // also NaN and Infinity
std::optional<double> ToOptionalNumber(const Cell& cell);  // null is none
bool ToBoolean(const Cell& cell);
std::vector<double> ToNumbers(const Cell& cell);  // an array of float8 without nulls
std::string ToBytes(const Cell& cell);            // bytea in hexadecimal

}  // namespace pulse::source
