// Parsing cells of source::Rows: values as PostgreSQL prints them in every visit. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pulse::source {

using Cell = std::optional<std::string>;

// All of them throw UserError XX001 with the cell's text if it is null or has another format.
int64_t ToInteger(const Cell& cell);
double ToNumber(const Cell& cell);                         // also NaN and Infinity
std::optional<double> ToOptionalNumber(const Cell& cell);  // null is none
bool ToBoolean(const Cell& cell);
std::vector<double> ToNumbers(const Cell& cell);    // an array of float8 without nulls
std::vector<int64_t> ToIntegers(const Cell& cell);  // the same of bigint
std::string ToBytes(const Cell& cell);              // bytea in hexadecimal

}  // namespace pulse::source
