// JSON read where it lies, whatever keeps it: nothing is parsed, and nothing copied that is not asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace pulse::json {

enum class Kind : uint8_t { kAbsent, kNull, kText, kNumber, kBoolean, kObject, kArray };

// A value inside a document, valid as long as that is.
struct Node {
    Kind kind = Kind::kAbsent;
    bool boolean = false;
    std::string_view text;        // of a text
    const void* value = nullptr;  // of a number, an object or an array: the keeper's own
    size_t size = 0;              // its bytes there

    bool Is(Kind other) const { return kind == other; }
    // Neither absent nor null.
    bool Given() const { return kind != Kind::kAbsent && kind != Kind::kNull; }
    // Nested ones.
    bool IsContainer() const { return kind == Kind::kObject || kind == Kind::kArray; }
};

// "a text", "a number", "an object", …: for sentences.
const char* Describe(Kind kind);

// How much there is of something.
struct Shape {
    int depth = 0;        // 1: nothing nested
    int64_t members = 0;  // of objects, nested ones counted; elements of arrays are not
};

class Reader {
  public:
    virtual ~Reader() = default;
    // Of an object by key: absent when there is none.
    virtual Node Get(const Node& object, std::string_view key) const = 0;
    // How many members or elements.
    virtual size_t Count(const Node& container) const = 0;
    virtual std::pair<std::string_view, Node> Member(const Node& object, size_t index) const = 0;
    virtual Node Element(const Node& array, size_t index) const = 0;
    // A number as text, exactly.
    virtual std::string Number(const Node& number) const = 0;
    // What identifies a container's content: equal for equal ones.
    virtual std::string_view Bytes(const Node& container) const = 0;
    virtual Shape Measure(const Node& container) const = 0;
};

}  // namespace pulse::json
