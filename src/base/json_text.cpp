#include "pulse/base/json_text.hpp"

#include <algorithm>

#include "pulse/base/ascii.hpp"

namespace pulse {

namespace {

// Of numeric: digits before the point, and behind it.
constexpr int64_t kMostWhole = 131'072, kMostFraction = 16'383;

class Scanner {
  public:
    Scanner(std::string_view text, std::string& out) : text_(text), out_(out) {}

    // Whether the text is JSON.
    bool Run() {
        for (;;) {
            if (!BeginValue()) return false;
            if (begun_) continue;
            if (!EndValue()) return false;
            if (open_.empty()) break;
        }
        SkipBlanks();
        return at_ == text_.size();
    }

    std::string_view Result() {
        if (copied_ == 0) return text_;
        out_.append(text_.substr(copied_));
        return out_;
    }

  private:
    char Next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool Accept(char c) {
        if (Next() != c || at_ >= text_.size()) return false;
        ++at_;
        return true;
    }
    void SkipBlanks() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
            ++at_;
    }

    void Replace(size_t from, size_t end, std::string_view with) {
        if (cut_) return;
        out_.append(text_.substr(copied_, from - copied_)).append(with);
        copied_ = end;
    }

    // A scalar or an empty container, or the beginning of a container up to its first value.
    bool BeginValue() {
        begun_ = false;
        SkipBlanks();
        switch (Next()) {
            case '{':
            case '[': return Open();
            case '"': return Text();
            case 't': return Word("true");
            case 'f': return Word("false");
            case 'n': return Word("null");
            default: return Number();
        }
    }

    bool Open() {
        const bool object = Next() == '{';
        if (open_.size() == kDeepestJsonText) cut_ = at_ + 1;
        open_ += object ? '}' : ']';
        ++at_;
        SkipBlanks();
        if (Next() == open_.back()) {
            Close();
            return true;
        }
        begun_ = true;
        return !object || Key();
    }

    void Close() {
        ++at_;
        open_.pop_back();
        if (open_.size() != kDeepestJsonText || !cut_) return;
        const size_t from = cut_ - 1;
        cut_ = 0;
        Replace(from, at_, "null");
    }

    // After a value: the ends of containers, up to the next value.
    bool EndValue() {
        while (!open_.empty()) {
            SkipBlanks();
            if (Accept(',')) {
                SkipBlanks();
                return open_.back() == ']' || Key();
            }
            if (at_ >= text_.size() || Next() != open_.back()) return false;
            Close();
        }
        return true;
    }

    bool Key() {
        SkipBlanks();
        if (Next() != '"' || !Text()) return false;
        SkipBlanks();
        return Accept(':');
    }

    bool Word(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }

    bool Text() {
        ++at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\') {
                ++at_;
                continue;
            }
            if (at_ + 1 >= text_.size()) return false;
            if (text_[at_ + 1] == 'u') {
                if (!Escape()) return false;
            } else if (std::string_view("\"\\/bfnrt").find(text_[at_ + 1]) != std::string_view::npos) {
                at_ += 2;
            } else {
                return false;
            }
        }
        return false;
    }

    // The code unit of the escape at a position; -1 if there is none.
    int CodeUnit(size_t at) const {
        if (text_.size() - std::min(at, text_.size()) < 6 || text_[at] != '\\' || text_[at + 1] != 'u')
            return -1;
        int unit = 0;
        for (size_t i = at + 2; i < at + 6; ++i) {
            const char c = text_[i], lower = static_cast<char>(c | 0x20);
            if (!IsDigit(c) && (lower < 'a' || lower > 'f')) return -1;
            unit = unit * 16 + (IsDigit(c) ? c - '0' : lower - 'a' + 10);
        }
        return unit;
    }

    bool Escape() {
        constexpr size_t kLength = 6;
        const int unit = CodeUnit(at_);
        if (unit < 0) return false;
        const size_t from = at_;
        at_ += kLength;
        if (unit >= 0xD800 && unit < 0xDC00) {
            const int second = CodeUnit(at_);
            if (second >= 0xDC00 && second < 0xE000) {
                at_ += kLength;
                return true;
            }
        } else if (unit != 0 && (unit < 0xD800 || unit > 0xDFFF)) {
            return true;
        }
        Replace(from, at_, "\\ufffd");
        return true;
    }

    int64_t Digits() {
        const size_t from = at_;
        while (IsDigit(Next())) ++at_;
        return static_cast<int64_t>(at_ - from);
    }

    bool Number() {
        const size_t from = at_;
        Accept('-');
        const bool zero = Next() == '0';
        const int64_t whole = Digits();
        if (whole == 0 || (zero && whole > 1)) return false;
        int64_t fraction = 0, exponent = 0;
        if (Accept('.') && (fraction = Digits()) == 0) return false;
        if (Accept('e') || Accept('E')) {
            const bool negative = Next() == '-';
            if (!Accept('-')) Accept('+');
            if (!IsDigit(Next())) return false;
            for (; IsDigit(Next()); ++at_)
                exponent = std::min<int64_t>(exponent * 10 + Next() - '0', 1'000'000'000);
            if (negative) exponent = -exponent;
        }
        if (whole + exponent > kMostWhole || fraction - exponent > kMostFraction)
            Replace(from, at_, "\"" + std::string(text_.substr(from, at_ - from)) + "\"");
        return true;
    }

    const std::string_view text_;
    std::string& out_;
    size_t at_ = 0, copied_ = 0;
    std::string open_;    // the ends of the open containers
    bool begun_ = false;  // a container has begun: a value follows
    size_t cut_ = 0;      // behind the beginning of a container that is nested too deeply; 0: none
};

}  // namespace

std::optional<std::string_view> RepairJson(std::string_view text, std::string& storage) {
    storage.clear();
    Scanner scanner(text, storage);
    if (!scanner.Run()) return std::nullopt;
    return scanner.Result();
}

}  // namespace pulse
