// The file of an export: the members of a segment as CSV. Pure C++.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pulse/base/time.hpp"

namespace pulse::trait {

struct ExportRow {
    int64_t person = 0;
    Moment created_at = 0, since = 0, updated_at = 0;
    std::optional<std::string> device_id, external_id, email_hash;
};

// The first line, with its end.
std::string ExportHeader();
// Append one line, with its end.
void AppendExportRow(std::string& csv, const ExportRow& row);

// A field in quotes. A spreadsheet would run a text that begins like a formula: such a field gets an
// apostrophe in front, which spreadsheets do not show.
std::string CsvField(std::string_view text);

// "segment_NAME_2011-03-01.csv"; characters of the name that a header or a file system could misread are "_".
std::string ExportFileName(std::string_view kind, std::string_view of, Moment at, std::string_view extension);

// SHA-256 of what was added, in hexadecimal digits.
class ExportHash {
  public:
    ExportHash();
    ~ExportHash();
    ExportHash(const ExportHash&) = delete;
    ExportHash& operator=(const ExportHash&) = delete;

    void Add(std::string_view bytes);
    // Call it once, at the end.
    std::string Digits();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pulse::trait
