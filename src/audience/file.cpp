// Files, and requests as people read them.
#include <algorithm>

#include "wire.hpp"

namespace pulse::audience {

namespace {

// In quotes when it has to be. Spreadsheets run what begins with =, +, - or @, but a phone number is none.
std::string CsvField(const std::string& value) {
    std::string field = value;
    const bool phone =
        value.size() > 1 && value[0] == '+' &&
        std::all_of(value.begin() + 1, value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!phone && !field.empty() && std::string_view("=+-@\t\r").find(field[0]) != std::string_view::npos)
        field.insert(0, "'");
    if (field.find_first_of("\",\r\n") == std::string::npos) return field;
    std::string quoted = "\"";
    for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

void Mask(std::string& text, const std::string& secret) {
    if (secret.size() < 4) return;
    for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
        text.replace(at, secret.size(), "***");
}

}  // namespace

std::string FileHeader(const Destination& destination) {
    std::string line = "operation";
    for (const Column& column : ColumnsOf(destination, Operation::kAdd))
        line += std::string(",") + column.name;
    return line + "\r\n";
}

std::string FileLines(const Destination& destination, Operation operation, const PreparedPerson& person) {
    const std::vector<Column> columns = ColumnsOf(destination, Operation::kAdd);
    const Member member{person, ConsentState::kUnstated};
    std::string lines;
    for (const Batch& batch : MakeBatches(destination, operation, {&member, 1})) {
        for (const Row& row : batch.rows) {
            lines += operation == Operation::kAdd ? "add" : "remove";
            for (const Column& column : columns) {
                const std::string* value = ValueIn(row, column);
                lines += "," + (value ? CsvField(*value) : "");
            }
            lines += "\r\n";
        }
    }
    return lines;
}

std::string PreviewText(const http::Request& request) {
    std::string text = request.method + " " + request.url + "\n";
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
    text += "\n" + request.body;
    for (const std::string& secret : request.secrets) Mask(text, secret);
    return text;
}

}  // namespace pulse::audience
