#include "pulse/profile/identifier_search.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <new>

#include "pulse/base/ascii.hpp"
#include "pulse/base/hex.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::profile {

namespace {

constexpr size_t kKeyBytes = 4;
constexpr size_t kShortest = 8;  // a shorter id is also a word or a number that means something else

unsigned char Folded(char c) {
    return static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

uint32_t KeyOf(const char* text, size_t bytes) {
    uint32_t key = 0;
    for (size_t i = 0; i < bytes; ++i) key = key << 8 | Folded(text[i]);
    return key;
}

// Letters of other alphabets have bytes from 0x80.
bool IsWordByte(char c) {
    return IsDigit(c) || IsLetter(c) || static_cast<unsigned char>(c) >= 0x80;
}

// What can stand before the @ of an address.
bool IsAddressByte(char c) {
    return IsWordByte(c) || std::string_view("._%+-'").find(c) != std::string_view::npos;
}

bool EndsValue(char c) {
    return std::string_view("\",;\t\r\n").find(c) != std::string_view::npos;
}

bool IsPhone(std::string_view text) {
    const size_t plus = text.starts_with('+') ? 1 : 0;
    return text.size() - plus >= 7 && text.size() - plus <= 15 &&
           std::all_of(text.begin() + static_cast<std::ptrdiff_t>(plus), text.end(), IsDigit);
}

// Google ignores dots and what follows a + in its own addresses.
std::string GmailForm(const std::string& address) {
    const size_t at = address.rfind('@');
    if (at == std::string::npos) return "";
    const std::string domain = address.substr(at + 1);
    if (domain != "gmail.com" && domain != "googlemail.com") return "";
    std::string local = address.substr(0, std::min(at, address.find('+')));
    std::erase(local, '.');
    return local + "@" + domain;
}

}  // namespace

std::string Sha256(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr)) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(digest), size};
}

std::vector<std::string> HashedForms(std::string_view identifier) {
    const size_t begin = identifier.find_first_not_of(' ');
    if (begin == std::string_view::npos) return {};
    const std::string_view trimmed = identifier.substr(begin, identifier.find_last_not_of(' ') - begin + 1);
    std::vector<std::string> forms{LowerUtf8(trimmed)};
    if (trimmed != forms[0]) forms.emplace_back(trimmed);
    if (IsPhone(trimmed)) {
        const std::string digits(trimmed.substr(trimmed.starts_with('+') ? 1 : 0));
        forms.push_back(trimmed.starts_with('+') ? digits : "+" + digits);
        forms.push_back("00" + digits);
    }
    const std::string gmail = GmailForm(forms[0]);
    if (!gmail.empty() && gmail != forms[0]) forms.push_back(gmail);
    return forms;
}

void IdentifierSearch::AddNeedle(size_t owner, std::string bytes, Where where) {
    if (bytes.empty()) return;
    std::transform(bytes.begin(), bytes.end(), bytes.begin(),
                   [](char c) { return static_cast<char>(Folded(c)); });
    const size_t length = std::min(bytes.size(), kKeyBytes);
    std::vector<uint32_t>& same = by_key_[length][KeyOf(bytes.data(), length)];
    for (const uint32_t other : same)
        if (needles_[other].bytes == bytes && needles_[other].owner == owner &&
            needles_[other].where == where)
            return;
    same.push_back(static_cast<uint32_t>(needles_.size()));
    if (length == 1)
        shortest_is_one_ = true;
    else
        begins_[KeyOf(bytes.data(), 2)] = true;
    needles_.push_back({std::move(bytes), owner, where});
}

void IdentifierSearch::Add(size_t owner, std::string_view identifier) {
    for (const std::string& form : HashedForms(identifier)) {
        const bool address = form.find('@') != std::string::npos;
        AddNeedle(owner, form,
                  address                    ? Where::kAddress
                  : form.size() >= kShortest ? Where::kWord
                                             : Where::kValue);
        // As JSON writes it.
        std::string escaped;
        for (const char c : form) {
            if (c == '"' || c == '\\') escaped += '\\';
            escaped += c;
        }
        if (escaped != form) AddNeedle(owner, escaped, Where::kAnywhere);
        const std::string digest = Sha256(form);
        AddNeedle(owner, digest, Where::kAnywhere);
        AddNeedle(owner, ToHex(digest), Where::kAnywhere);
    }
}

bool IdentifierSearch::Fits(const Needle& needle, std::string_view text, size_t at) {
    const size_t size = needle.bytes.size();
    if (text.size() - at < size) return false;
    for (size_t i = 0; i < size; ++i)
        if (Folded(text[at + i]) != static_cast<unsigned char>(needle.bytes[i])) return false;
    const size_t end = at + size;
    switch (needle.where) {
        case Where::kAnywhere: return true;
        case Where::kWord:
            return (at == 0 || !IsWordByte(text[at - 1])) && (end == text.size() || !IsWordByte(text[end]));
        case Where::kAddress:
            return (at == 0 || !IsAddressByte(text[at - 1])) &&
                   (end == text.size() || !IsWordByte(text[end])) &&
                   // ann@example.com is no part of ann@example.com.au, but may end a sentence.
                   !(end + 1 < text.size() && (text[end] == '.' || text[end] == '-') &&
                     IsWordByte(text[end + 1]));
        case Where::kValue:
            return (at == 0 || EndsValue(text[at - 1])) && (end == text.size() || EndsValue(text[end]));
    }
    return false;
}

template <typename Found>
void IdentifierSearch::Scan(std::string_view text, Found found) const {
    for (size_t at = 0; at < text.size(); ++at) {
        const size_t left = text.size() - at;
        if (!shortest_is_one_ && (left < 2 || !begins_[KeyOf(text.data() + at, 2)])) continue;
        for (size_t length = 1; length <= std::min(left, kKeyBytes); ++length) {
            const auto& keys = by_key_[length];
            if (keys.empty()) continue;
            const auto same = keys.find(KeyOf(text.data() + at, length));
            if (same == keys.end()) continue;
            for (const uint32_t each : same->second)
                if (Fits(needles_[each], text, at) && found(needles_[each].owner)) return;
        }
    }
}

std::vector<size_t> IdentifierSearch::Find(std::string_view text) const {
    std::vector<size_t> owners;
    Scan(text, [&](size_t owner) {
        if (std::find(owners.begin(), owners.end(), owner) == owners.end()) owners.push_back(owner);
        return false;
    });
    return owners;
}

bool IdentifierSearch::Finds(std::string_view text) const {
    bool any = false;
    Scan(text, [&](size_t) { return any = true; });
    return any;
}

}  // namespace pulse::profile
