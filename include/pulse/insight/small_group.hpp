// Groups of so few people that roles which may not see people must not see them. Pure C++.
#pragma once

#include <cstdint>
#include <string>

namespace pulse::insight {

// Groups of fewer people are hidden.
inline constexpr int64_t kSmallestGroup = 10;

// SQL: whether a number of people is that of a small group. Nobody is no group.
inline std::string SmallGroupSql(const std::string& people) {
    return people + " BETWEEN 1 AND " + std::to_string(kSmallestGroup - 1);
}

// SQL: whether a row must hide its number of people, of which all rows of the query are the parts of a sum.
// If one is of a small group, the next one is hidden, too: the others and the sum would tell the first. `key`
// is different in each row.
inline std::string HiddenGroupSql(const std::string& people, const std::string& key) {
    const std::string small = SmallGroupSql(people);
    return "(" + small + " OR (count(*) FILTER (WHERE " + small + ") OVER () = 1 AND " + people +
           " > 0 AND row_number() OVER (ORDER BY " + people + " = 0, " + people + ", " + key + ") = 2))";
}

}  // namespace pulse::insight
