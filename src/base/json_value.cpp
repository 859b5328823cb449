#include "pulse/base/json_value.hpp"

namespace pulse::json {

const char* Describe(Type type) {
    switch (type) {
        case Type::kAbsent: return "nothing";
        case Type::kNull: return "null";
        case Type::kText: return "a text";
        case Type::kNumber: return "a number";
        case Type::kBoolean: return "a boolean";
        case Type::kObject: return "an object";
        case Type::kArray: return "an array";
    }
    return "";
}

}  // namespace pulse::json
