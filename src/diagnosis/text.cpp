#include "pulse/diagnosis/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "pulse/base/time.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::diagnosis {

namespace {

template <typename... Args>
std::string Format(const char* format, Args... args) {
    char text[64];
    std::snprintf(text, sizeof text, format, args...);
    return text;
}

constexpr std::string_view kJsonMark = "$json$";

// Collects the pieces that must stay together.
struct Pieces {
    std::vector<std::string> list;
    std::string piece;

    void End() {
        if (!piece.empty()) list.push_back(std::move(piece));
        piece.clear();
    }

    // Words; a percent sign stays with its figure.
    void AddText(const std::string& text) {
        for (size_t i = 0; i < text.size(); ++i) {
            if (text[i] == ' ' && !(i + 1 < text.size() && text[i + 1] == '%'))
                End();
            else
                piece += text[i];
        }
    }

    void AddSql(std::string_view sql) {
        char quote = 0;
        for (const char c : sql) {
            if (quote == 0 && (c == '\'' || c == '"'))
                quote = c;
            else if (c == quote)
                quote = 0;
            if (c == ' ' && quote == 0)
                End();
            else
                piece += c;
        }
    }

    void AddJson(std::string_view json) {
        bool string = false, escaped = false;
        for (const char c : json) {
            piece += c;
            if (c == '"' && !escaped) string = !string;
            escaped = c == '\\' && !escaped;
            if (c == ',' && !string) End();
        }
    }
};

// The parts between the marks: SQL and JSON by turns.
std::vector<std::string_view> Parts(std::string_view sql) {
    std::vector<std::string_view> parts;
    for (size_t end; (end = sql.find(kJsonMark)) != std::string_view::npos;
         sql.remove_prefix(end + kJsonMark.size()))
        parts.push_back(sql.substr(0, end));
    parts.push_back(sql);
    return parts;
}

// AddSql() does not handle comments, other dollar quotes and escapes.
bool Plain(std::string_view sql) {
    return sql.find_first_of("\n$\\") == std::string_view::npos && sql.find("--") == std::string_view::npos;
}

std::vector<std::string> Fill(const std::vector<std::string>& pieces, size_t width, const std::string& first,
                              const std::string& indent) {
    std::vector<std::string> lines;
    std::string line = first;
    bool fresh = true;
    for (const std::string& piece : pieces) {
        if (!fresh && line.size() + 1 + piece.size() > width) {
            lines.push_back(std::move(line));
            line = indent;
            fresh = true;
        }
        if (!fresh) line += ' ';
        line += piece;
        fresh = false;
    }
    lines.push_back(std::move(line));
    return lines;
}

}  // namespace

std::string Percent(double share) {
    if (!std::isfinite(share)) return "an unknown share";
    const double percent = std::abs(share) * 100;
    const std::string sign = share < 0 && percent >= 0.05 ? "-" : "";
    if (percent == 0) return "0 %";
    if (percent < 0.05) return "under 0.1 %";
    if (percent >= 9.95) return sign + Thousands(std::llround(std::min(percent, 9e15))) + " %";
    std::string text = Format("%.1f", percent);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return sign + text + " %";
}

std::string SignedPercent(double share) {
    return (share > 0 ? "+" : "") + Percent(share);
}

std::string Figure(double number) {
    if (std::abs(number) >= 1000 && std::abs(number) < 1e15) return Thousands(std::llround(number));
    return Format("%.4g", number);
}

std::string AsSentence(const std::string& summary) {
    const bool named = summary.substr(0, summary.find(' ')).find('.') != std::string::npos;
    return (named ? summary : Capitalized(summary)) + ".";
}

std::string Short(std::string_view text, size_t limit) {
    std::string result = Shorten(text, limit, "...");
    for (char& c : result)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    return result;
}

std::string ShortValue(std::string_view value) {
    const std::string text = Short(value, 40);
    const bool blank = text.empty() || text.front() == ' ' || text.back() == ' ';
    return blank ? '"' + text + '"' : text;
}

std::vector<std::string> ShortValues(const std::vector<std::string>& values) {
    std::vector<std::string> words;
    for (const std::string& value : values) words.push_back(ShortValue(value));
    return words;
}

std::string Listed(const std::vector<std::string>& words, size_t limit) {
    std::string text;
    const size_t shown = words.size() > limit + 1 ? limit : words.size();
    const bool more = shown < words.size();
    for (size_t i = 0; i < shown; ++i) {
        if (i > 0) text += !more && i + 1 == shown ? " and " : ", ";
        text += words[i];
    }
    if (more) text += " and " + Thousands(static_cast<int64_t>(words.size() - shown)) + " more";
    return text;
}

std::string Capitalized(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

std::vector<std::string> Wrap(const std::string& text, size_t width, const std::string& first,
                              const std::string& indent) {
    Pieces pieces;
    pieces.AddText(text);
    pieces.End();
    return Fill(pieces.list, width, first, indent);
}

std::vector<std::string> WrapSql(const std::string& sql, size_t width, const std::string& indent) {
    const std::vector<std::string_view> parts = Parts(sql);
    bool plain = parts.size() % 2 == 1;
    for (size_t i = 0; i < parts.size(); i += 2) plain = plain && Plain(parts[i]);
    if (!plain) {
        // As it is, line by line.
        std::vector<std::string> lines;
        size_t begin = 0;
        for (size_t end; (end = sql.find('\n', begin)) != std::string::npos; begin = end + 1)
            lines.push_back((begin == 0 ? indent : "") + sql.substr(begin, end - begin));
        lines.push_back((begin == 0 ? indent : "") + sql.substr(begin));
        return lines;
    }
    Pieces pieces;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) pieces.piece += kJsonMark;
        if (i % 2 == 0)
            pieces.AddSql(parts[i]);
        else
            pieces.AddJson(parts[i]);
    }
    pieces.End();
    return Fill(pieces.list, width, indent, indent + "    ");
}

}  // namespace pulse::diagnosis
