// JSON values read in place, without parsing or copying the document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace pulse::json {

enum class Type : uint8_t { kAbsent, kNull, kText, kNumber, kBoolean, kObject, kArray };

// A value inside a document; valid as long as the document is.
struct Value {
    Type type = Type::kAbsent;
    bool boolean = false;
    std::string_view text;        // of a text
    const void* value = nullptr;  // of a number, an object or an array: its position in the document
    size_t size = 0;              // its size in bytes

    bool Is(Type other) const { return type == other; }
    // Neither absent nor null.
    bool Given() const { return type != Type::kAbsent && type != Type::kNull; }
    // An object or an array.
    bool IsContainer() const { return type == Type::kObject || type == Type::kArray; }
};

// "a text", "a number", "an object", …: for messages.
const char* Describe(Type type);

// The depth and size of a document.
struct Shape {
    int depth = 0;        // 1: no nested container
    int64_t members = 0;  // of all objects, nested ones included; elements of arrays do not count
};

class Reader {
  public:
    virtual ~Reader() = default;
    // The member of an object by key; absent if the object has no such key.
    virtual Value Get(const Value& object, std::string_view key) const = 0;
    // The number of members or elements.
    virtual size_t Count(const Value& container) const = 0;
    virtual std::pair<std::string_view, Value> Member(const Value& object, size_t index) const = 0;
    virtual Value Element(const Value& array, size_t index) const = 0;
    // A number as text, exactly.
    virtual std::string Number(const Value& number) const = 0;
    // The stored bytes of a container; equal for equal containers.
    virtual std::string_view Bytes(const Value& container) const = 0;
    virtual Shape Measure(const Value& container) const = 0;
};

}  // namespace pulse::json
