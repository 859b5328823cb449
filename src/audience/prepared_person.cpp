#include "pulse/audience/prepared_person.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"
#include "pulse/base/time.hpp"

namespace pulse::audience {

namespace {

using K = IdentifierKind;

// Of one kind: more are no person any more.
constexpr size_t kMostOfKind = 20;

constexpr K kAddress[] = {K::kFirstName, K::kLastName, K::kPostalCode, K::kCountry};

bool Has(const std::vector<Cell>& cells, K kind) {
    return std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.kind == kind; });
}

bool IsAddress(K kind) {
    return std::find(std::begin(kAddress), std::end(kAddress), kind) != std::end(kAddress);
}

// The kind of the value that a cell of this kind is made of.
K SourceOf(K kind) {
    if (kind == K::kFirstInitial) return K::kFirstName;
    if (kind == K::kBirthYear || kind == K::kBirthMonth || kind == K::kBirthDay) return K::kBirthDate;
    return kind;
}

std::string CountryOf(const IdentifierRules& rules, const PersonValues& values) {
    IdentifierRules plain;  // of Meta: two lower-case letters
    plain.hash = false;
    for (const auto& [kind, value] : values) {
        if (kind != K::kCountry) continue;
        Normalised country = NormaliseText(plain, K::kCountry, value);
        if (country.ok()) return country.value;
    }
    return rules.country;
}

class Preparer {
  public:
    Preparer(const IdentifierRules& rules, const PersonValues& values)
        : rules_(rules), values_(values), country_(CountryOf(rules, values)) {}

    void Add(K kind) {
        if (kind == K::kBirthDate) return AddBirthDate();
        size_t taken = 0;
        for (const auto& [source, value] : values_) {
            if (source != SourceOf(kind)) continue;
            // A person has one name and one home: what comes first counts.
            if (taken == (IsStrong(kind) ? kMostOfKind : 1)) break;
            Normalised normal = Normalise(rules_, kind, value, country_);
            if (normal.ok()) {
                const bool column = kind == K::kMobileAdId && rules_.platform == Platform::kTiktok;
                cells_.push_back({column ? rules_.unknown_mobile : kind, std::move(normal.value)});
                ++taken;
            } else if (kind != K::kFirstInitial) {
                dropped_.push_back({kind, normal.problem});
            }
        }
        if (kind == K::kCountry && taken == 0 && !country_.empty())
            cells_.push_back({kind, Normalise(rules_, kind, country_).value});
    }

    Preparation Finish() {
        std::sort(cells_.begin(), cells_.end());
        cells_.erase(std::unique(cells_.begin(), cells_.end()), cells_.end());
        if (rules_.platform == Platform::kGoogle) KeepWholeAddress();
        if (!Finds()) cells_.clear();
        return {{std::move(cells_)}, std::move(dropped_)};
    }

  private:
    void AddBirthDate() {
        for (const auto& [source, value] : values_) {
            if (source != K::kBirthDate) continue;
            const auto moment = ParseMoment(value);
            const std::string date = moment ? FormatDate(*moment) : "";
            // 1815-12-10: nobody is older, and FormatDate() writes years before 1 otherwise.
            if (date.size() != 10 || date < "1900" || date >= "2100") {
                dropped_.push_back({K::kBirthDate, "not a date of birth"});
                continue;
            }
            AddPart(K::kBirthYear, date.substr(0, 4));
            AddPart(K::kBirthMonth, date.substr(5, 2));
            AddPart(K::kBirthDay, date.substr(8, 2));
            return;
        }
    }

    void AddPart(K kind, const std::string& digits) {
        cells_.push_back({kind, Normalise(rules_, kind, digits).value});
    }

    // An address needs all four parts; a name alone would be refused.
    void KeepWholeAddress() {
        const bool whole =
            std::all_of(std::begin(kAddress), std::end(kAddress), [&](K kind) { return Has(cells_, kind); });
        if (whole) return;
        for (const K kind : {K::kFirstName, K::kLastName, K::kPostalCode})
            if (Has(cells_, kind)) dropped_.push_back({kind, "an address that is not complete"});
        std::erase_if(cells_, [](const Cell& cell) { return IsAddress(cell.kind); });
    }

    // Whether the platform can find a person by this: a strong identifier, or a full name and something else.
    bool Finds() const {
        if (std::any_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return IsStrong(cell.kind); }))
            return true;
        return Has(cells_, K::kFirstName) && Has(cells_, K::kLastName) &&
               (Has(cells_, K::kPostalCode) || Has(cells_, K::kCity) || Has(cells_, K::kBirthYear));
    }

    const IdentifierRules& rules_;
    const PersonValues& values_;
    std::string country_;
    std::vector<Cell> cells_;
    std::vector<Dropped> dropped_;
};

// ---- packing ----

constexpr char kVersion = 1;
enum Encoding : uint8_t { kAsHash = 0, kAsLowerUuid = 1, kAsUpperUuid = 2, kAsText = 3 };

int HexValue(char c) {
    if (IsDigit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The bytes that these digits write, without hyphens.
std::string FromHex(std::string_view text) {
    std::string bytes;
    int high = -1;
    for (const char c : text) {
        if (c == '-') continue;
        const int value = HexValue(c);
        if (high < 0) {
            high = value;
            continue;
        }
        bytes += static_cast<char>(high << 4 | value);
        high = -1;
    }
    return bytes;
}

std::string ToHex(std::string_view bytes, bool upper, bool uuid) {
    const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (uuid && (i == 4 || i == 6 || i == 8 || i == 10)) text += '-';
        text += digits[static_cast<unsigned char>(bytes[i]) >> 4];
        text += digits[static_cast<unsigned char>(bytes[i]) & 15];
    }
    return text;
}

// In hyphens and digits of one case.
bool IsUuid(std::string_view text, bool upper) {
    if (text.size() != 36) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i], first = upper ? 'A' : 'a';
        if (hyphen ? c != '-' : !IsDigit(c) && !(c >= first && c <= first + 5)) return false;
    }
    return true;
}

Encoding EncodingOf(std::string_view value) {
    if (LooksHashed(value) &&
        std::none_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'F'; }))
        return kAsHash;
    if (IsUuid(value, false)) return kAsLowerUuid;
    return IsUuid(value, true) ? kAsUpperUuid : kAsText;
}

// Takes bytes off the front of packed ones.
std::optional<std::string_view> TakeBytes(std::string_view& bytes, size_t count) {
    if (bytes.size() < count) return std::nullopt;
    const std::string_view taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return taken;
}

std::optional<Cell> UnpackCell(std::string_view& bytes) {
    const auto head = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    Cell cell;
    cell.kind = static_cast<K>(head & 31);
    if (*Name(cell.kind) == '\0' || cell.kind == K::kBirthDate) return std::nullopt;
    const auto encoding = static_cast<Encoding>(head >> 5);
    size_t size = 0;
    switch (encoding) {
        case kAsHash: size = 32; break;
        case kAsLowerUuid:
        case kAsUpperUuid: size = 16; break;
        case kAsText: {
            const auto length = TakeBytes(bytes, 2);
            if (!length) return std::nullopt;
            size = static_cast<size_t>(static_cast<unsigned char>((*length)[0])) << 8 |
                   static_cast<unsigned char>((*length)[1]);
            break;
        }
        default: return std::nullopt;
    }
    const auto value = TakeBytes(bytes, size);
    if (!value) return std::nullopt;
    cell.value = encoding == kAsText ? std::string(*value)
                                     : ToHex(*value, encoding == kAsUpperUuid, encoding != kAsHash);
    return cell;
}

// ---- differences ----

std::vector<Cell> Missing(const std::vector<Cell>& before, const std::vector<Cell>& after) {
    std::vector<Cell> missing;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(missing));
    return missing;
}

std::vector<Cell> Weak(const std::vector<Cell>& cells) {
    std::vector<Cell> weak;
    for (const Cell& cell : cells)
        if (!IsStrong(cell.kind)) weak.push_back(cell);
    return weak;
}

}  // namespace

Preparation Prepare(const IdentifierRules& rules, const std::vector<IdentifierKind>& kinds,
                    const PersonValues& values) {
    Preparer preparer(rules, values);
    for (const IdentifierKind kind : kinds) preparer.Add(kind);
    return preparer.Finish();
}

std::string Pack(const PreparedPerson& person) {
    std::string bytes(1, kVersion);
    for (const Cell& cell : person.cells) {
        const Encoding encoding = EncodingOf(cell.value);
        bytes += static_cast<char>(static_cast<unsigned>(cell.kind) | static_cast<unsigned>(encoding) << 5);
        if (encoding == kAsText) {
            const size_t size = std::min<size_t>(cell.value.size(), 0xFFFF);
            bytes += static_cast<char>(size >> 8);
            bytes += static_cast<char>(size & 0xFF);
            bytes.append(cell.value, 0, size);
        } else {
            bytes += FromHex(cell.value);
        }
    }
    return bytes;
}

std::optional<PreparedPerson> Unpack(std::string_view bytes) {
    if (bytes.empty() || bytes.front() != kVersion) return std::nullopt;
    bytes.remove_prefix(1);
    PreparedPerson person;
    while (!bytes.empty()) {
        std::optional<Cell> cell = UnpackCell(bytes);
        if (!cell || (!person.cells.empty() && !(person.cells.back() < *cell))) return std::nullopt;
        person.cells.push_back(std::move(*cell));
    }
    return person;
}

int64_t LedgerKey(const Cell& cell) {
    const std::string hash = Sha256Hex(std::string(1, static_cast<char>(cell.kind)) + cell.value);
    return static_cast<int64_t>(std::stoull(hash.substr(0, 16), nullptr, 16));
}

std::vector<int64_t> LedgerKeys(const PreparedPerson& person) {
    std::vector<int64_t> keys;
    for (const Cell& cell : person.cells)
        if (IsStrong(cell.kind)) keys.push_back(LedgerKey(cell));
    return keys;
}

PreparedPerson Leaving(Platform platform, const PreparedPerson& before, const PreparedPerson& after) {
    std::vector<Cell> missing = Missing(before.cells, after.cells);
    const std::vector<Cell> weak = Weak(before.cells);
    const bool same_weak = weak == Weak(after.cells);
    if (platform == Platform::kTiktok || platform == Platform::kSnapchat) return {std::move(missing)};
    // An address is one identifier; with the others, names and places go with the strong identifiers of their
    // row, and alone they are no identifier unless the person had no other.
    std::erase_if(missing, [](const Cell& cell) { return !IsStrong(cell.kind); });
    const bool weak_goes =
        platform == Platform::kGoogle || !missing.empty() || weak.size() == before.cells.size();
    if (!same_weak && weak_goes) missing.insert(missing.end(), weak.begin(), weak.end());
    std::sort(missing.begin(), missing.end());
    return {std::move(missing)};
}

}  // namespace pulse::audience
