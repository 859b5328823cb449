// Writes HTML and SVG that cannot contain markup of its content: tags, names of attributes and style are
// constants of the program, everything else is escaped. Pure C++.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pulse::report {

// A text that only a constant of the program can be.
class Constant {
  public:
    consteval Constant(const char* text) : text_(text) {}
    std::string_view text() const { return text_; }

  private:
    std::string_view text_;
};

struct Attribute {
    Constant name;
    std::string value;
};
using Attributes = std::vector<Attribute>;

// Valid text of HTML: bytes that are not UTF-8 become U+FFFD, control characters blanks; marks of direction
// are removed, so that no text reverses what stands beside it.
std::string PlainText(std::string_view text);

// The first `limit` characters of one line of plain text; a text that is cut ends in "…".
std::string Brief(std::string_view text, size_t limit);

class HtmlWriter {
  public:
    HtmlWriter& Open(Constant tag, const Attributes& attributes = {});
    HtmlWriter& Close();
    HtmlWriter& Text(std::string_view text);
    // An element with nothing but text.
    HtmlWriter& Element(Constant tag, std::string_view text, const Attributes& attributes = {});
    // A void element, such as meta.
    HtmlWriter& Void(Constant tag, const Attributes& attributes = {});
    // A name given by users: its direction affects nothing around it.
    HtmlWriter& Name(std::string_view name, size_t limit = 120);
    HtmlWriter& Style(Constant css);
    HtmlWriter& Doctype();

    // The length of what is written so far.
    size_t size() const { return html_.size(); }
    // Throws std::logic_error if an element is open.
    std::string Take();

  private:
    void Tag(Constant tag, const Attributes& attributes);

    std::string html_;
    std::vector<std::string_view> open_;
};

}  // namespace pulse::report
