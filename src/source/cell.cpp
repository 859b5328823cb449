#include "pulse/source/cell.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "pulse/base/error.hpp"

namespace pulse::source {

namespace {

[[noreturn]] void ThrowUnreadable(const Cell& cell, const char* what) {
    constexpr size_t kMost = 100;
    throw UserError(sqlstate::kDataCorrupted, std::string("a source returned a value that is not ") + what,
                    cell ? "It is \"" + cell->substr(0, kMost) + "\"." : "It is null.");
}

// Parse all of `text` as a number.
template <typename Number>
std::optional<Number> Parse(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// The value of a hexadecimal digit, or -1.
int Digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

int64_t ToInteger(const Cell& cell) {
    if (cell)
        if (const auto number = Parse<int64_t>(*cell)) return *number;
    ThrowUnreadable(cell, "an integer");
}

double ToNumber(const Cell& cell) {
    if (cell)
        if (const auto number = Parse<double>(*cell)) return *number;
    ThrowUnreadable(cell, "a number");
}

std::optional<double> ToOptionalNumber(const Cell& cell) {
    return cell ? std::optional(ToNumber(cell)) : std::nullopt;
}

bool ToBoolean(const Cell& cell) {
    if (cell == "t") return true;
    if (cell == "f") return false;
    ThrowUnreadable(cell, "true or false");
}

namespace {

template <typename Number>
std::vector<Number> ToArray(const Cell& cell, const char* what) {
    if (!cell || cell->size() < 2 || cell->front() != '{' || cell->back() != '}') ThrowUnreadable(cell, what);
    std::vector<Number> numbers;
    std::string_view rest = std::string_view(*cell).substr(1, cell->size() - 2);
    while (!rest.empty()) {
        const size_t comma = std::min(rest.find(','), rest.size());
        const auto number = Parse<Number>(rest.substr(0, comma));
        if (!number) ThrowUnreadable(cell, what);
        numbers.push_back(*number);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return numbers;
}

}  // namespace

std::vector<double> ToNumbers(const Cell& cell) {
    return ToArray<double>(cell, "numbers");
}

std::vector<int64_t> ToIntegers(const Cell& cell) {
    return ToArray<int64_t>(cell, "integers");
}

std::string ToBytes(const Cell& cell) {
    if (!cell || !cell->starts_with("\\x") || cell->size() % 2 != 0) ThrowUnreadable(cell, "bytes");
    std::string bytes;
    bytes.reserve(cell->size() / 2 - 1);
    for (size_t i = 2; i < cell->size(); i += 2) {
        const int high = Digit((*cell)[i]), low = Digit((*cell)[i + 1]);
        if (high < 0 || low < 0) ThrowUnreadable(cell, "bytes");
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

}  // namespace pulse::source
