#include "pulse/base/node.hpp"

namespace pulse::json {

const char* Describe(Kind kind) {
    switch (kind) {
        case Kind::kAbsent: return "nothing";
        case Kind::kNull: return "null";
        case Kind::kText: return "a text";
        case Kind::kNumber: return "a number";
        case Kind::kBoolean: return "a boolean";
        case Kind::kObject: return "an object";
        case Kind::kArray: return "an array";
    }
    return "";
}

}  // namespace pulse::json
