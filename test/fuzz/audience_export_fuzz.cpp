// Options of an export are read or refused with a UserError, whatever they are. No field of a CSV file runs
// as a formula or leaves its quotes, a file's name has no character of a path, and no token but a signed one
// is valid.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "pulse/audience/export_options.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/trait/export_file.hpp"
#include "pulse/trait/export_token.hpp"

namespace {

void Expect(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

void WriteField(const std::string& text) {
    const std::string field = pulse::trait::CsvField(text);
    Expect(field.size() >= 2 && field.front() == '"' && field.back() == '"', "quotes");
    std::string read;
    for (size_t i = 1; i + 1 < field.size(); ++i) {
        if (field[i] == '"') Expect(++i + 1 < field.size() && field[i] == '"', "a quote inside");
        read += field[i];
    }
    Expect(read == text || read == "'" + text, "the text");
    Expect(read.empty() || std::string("=+-@\t\r").find(read.front()) == std::string::npos, "a formula");
}

void ReadOptions(const std::string& text) {
    try {
        pulse::audience::ReadExportFormat(text);
    } catch (const pulse::UserError&) {
    }
    try {
        const auto options = pulse::audience::ReadExportOptions(pulse::ParseJson(text));
        Expect(!options.columns.empty(), "columns");
        Expect(!options.events || (options.events->days > 0 && options.events->most > 0), "events");
        for (const auto& column : options.columns) Expect(!column.name.empty(), "a name");
    } catch (const pulse::UserError&) {
    } catch (const nlohmann::json::exception&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pulse::trait;
    const std::string text(reinterpret_cast<const char*>(data), size);
    WriteField(text);
    const std::string name = ExportFileName("segment", text, 0, "csv");
    Expect(name.find_first_of("/\\\"\r\n;") == std::string::npos && name.size() <= 255, "the name of a file");
    if (const auto token = ReadExportToken(text)) {
        Expect(token->id > 0 && token->expires > 0, "a token");
        Expect(!IsSignedWith(*token, "a secret that no input knows"), "a signature");
    }
    const auto made = ReadExportToken(MakeExportToken(7, 1'800'000'000, text));
    Expect(made && made->id == 7 && IsSignedWith(*made, text), "a token of its own");
    ReadOptions(text);
    return 0;
}
