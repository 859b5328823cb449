#include "pulse/trait/export_file.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>

namespace pulse::trait {

namespace {

// What a cell may begin with that a spreadsheet takes for a formula; the wide forms count in East Asian ones.
constexpr std::array<std::string_view, 11> kFormulaStarts = {
    "=", "+", "-", "@", "\t", "\r", "\n", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};

constexpr size_t kLongestName = 100;  // of the segment, in the name of the file

bool LooksLikeFormula(std::string_view text) {
    return std::any_of(kFormulaStarts.begin(), kFormulaStarts.end(),
                       [&](std::string_view start) { return text.starts_with(start); });
}

// 2011-03-01T06:00:00.500000Z
std::string IsoTime(Moment moment) {
    std::string text = FormatMoment(moment);
    if (const size_t blank = text.find(' '); blank != std::string::npos) text[blank] = 'T';
    if (text.ends_with("+00")) text.replace(text.size() - 3, 3, "Z");
    return text;
}

bool IsPlain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

}  // namespace

std::string ExportHeader() {
    return "user_id,created_at,in_segment,since,updated_at,device_id,external_id,email_hash\n";
}

std::string CsvField(std::string_view text) {
    std::string field = "\"";
    if (LooksLikeFormula(text)) field += '\'';
    for (const char c : text) {
        if (c == '"') field += '"';
        field += c;
    }
    return field + '"';
}

void AppendExportRow(std::string& csv, const ExportRow& row) {
    csv += CsvField("profile:" + std::to_string(row.person));
    for (const std::string& field :
         {IsoTime(row.created_at), std::string("true"), IsoTime(row.since), IsoTime(row.updated_at),
          row.device_id.value_or(""), row.external_id.value_or(""), row.email_hash.value_or("")}) {
        csv += ',';
        csv += CsvField(field);
    }
    csv += '\n';
}

std::string ExportFileName(std::string_view kind, std::string_view of, Moment at,
                           std::string_view extension) {
    std::string name;
    for (const char c : of.substr(0, kLongestName)) {
        const char shown = IsPlain(c) ? c : '_';
        if (shown != '_' || name.empty() || name.back() != '_') name += shown;
    }
    return std::string(kind) + "_" + name + "_" + FormatDate(at) + "." + std::string(extension);
}

struct ExportHash::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

ExportHash::ExportHash() : state_(std::make_unique<State>()) {
    if (!state_->context || !EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr))
        throw std::bad_alloc();
}

ExportHash::~ExportHash() = default;

void ExportHash::Add(std::string_view bytes) {
    if (!EVP_DigestUpdate(state_->context, bytes.data(), bytes.size())) throw std::bad_alloc();
}

std::string ExportHash::Digits() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (!EVP_DigestFinal_ex(state_->context, digest.data(), &size)) throw std::bad_alloc();
    std::string digits;
    for (unsigned int i = 0; i < size; ++i) {
        digits += "0123456789abcdef"[digest[i] >> 4];
        digits += "0123456789abcdef"[digest[i] & 15];
    }
    return digits;
}

}  // namespace pulse::trait
