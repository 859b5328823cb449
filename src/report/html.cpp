#include "pulse/report/html.hpp"

#include <stdexcept>

#include "pulse/base/utf8.hpp"

namespace pulse::report {

namespace {

bool IsDirectionMark(char32_t c) {
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

bool IsControl(char32_t c) {
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c <= 0x9F);
}

// Code points that no text may contain.
bool IsNonCharacter(char32_t c) {
    return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
}

void Escape(std::string_view text, std::string& html) {
    for (const char c : PlainText(text)) switch (c) {
            case '&': html += "&amp;"; break;
            case '<': html += "&lt;"; break;
            case '>': html += "&gt;"; break;
            case '"': html += "&quot;"; break;
            case '\'': html += "&#39;"; break;
            default: html += c;
        }
}

}  // namespace

std::string PlainText(std::string_view text) {
    std::string plain;
    plain.reserve(text.size());
    while (!text.empty()) {
        const char32_t c = NextCharacter(text);
        if (IsDirectionMark(c)) continue;
        AppendUtf8(plain, IsControl(c) ? U' ' : IsNonCharacter(c) ? kReplacementCharacter : c);
    }
    return plain;
}

std::string Brief(std::string_view text, size_t limit) {
    // No character has more than four bytes: the rest cannot be shown, however long it is.
    const bool longer = text.size() > limit * 4 + 4;
    const std::string plain = PlainText(longer ? text.substr(0, CharacterBorder(text, limit * 4 + 4)) : text);
    std::string brief;
    std::string_view rest = plain;
    for (size_t count = 0; !rest.empty(); ++count) {
        char32_t c = NextCharacter(rest);
        if (c == '\n' || c == '\t') c = ' ';
        if (count + 1 == limit && (!rest.empty() || longer)) return brief + "…";
        AppendUtf8(brief, c);
    }
    return longer ? brief + "…" : brief;
}

void HtmlWriter::Tag(Constant tag, const Attributes& attributes) {
    html_ += '<';
    html_ += tag.text();
    for (const Attribute& attribute : attributes) {
        html_ += ' ';
        html_ += attribute.name.text();
        html_ += "=\"";
        Escape(attribute.value, html_);
        html_ += '"';
    }
    html_ += '>';
}

HtmlWriter& HtmlWriter::Open(Constant tag, const Attributes& attributes) {
    Tag(tag, attributes);
    open_.push_back(tag.text());
    return *this;
}

HtmlWriter& HtmlWriter::Close() {
    if (open_.empty()) throw std::logic_error("no element is open");
    html_ += "</";
    html_ += open_.back();
    html_ += ">";
    // Lines, so that the file can be read and compared; not inside of text.
    for (const std::string_view block : {"p", "tr", "table", "section", "div", "h1", "h2", "h3", "svg",
                                         "details", "head", "header", "footer", "main", "pre", "title", "li"})
        if (open_.back() == block) html_ += '\n';
    open_.pop_back();
    return *this;
}

HtmlWriter& HtmlWriter::Text(std::string_view text) {
    Escape(text, html_);
    return *this;
}

HtmlWriter& HtmlWriter::Element(Constant tag, std::string_view text, const Attributes& attributes) {
    return Open(tag, attributes).Text(text).Close();
}

HtmlWriter& HtmlWriter::Void(Constant tag, const Attributes& attributes) {
    Tag(tag, attributes);
    return *this;
}

HtmlWriter& HtmlWriter::Name(std::string_view name, size_t limit) {
    return Element("bdi", Brief(name, limit));
}

HtmlWriter& HtmlWriter::Style(Constant css) {
    html_ += "<style>";
    html_ += css.text();
    html_ += "</style>\n";
    return *this;
}

HtmlWriter& HtmlWriter::Doctype() {
    html_ += "<!DOCTYPE html>\n";
    return *this;
}

std::string HtmlWriter::Take() {
    if (!open_.empty()) throw std::logic_error("an element is open: " + std::string(open_.back()));
    return std::move(html_);
}

}  // namespace pulse::report
