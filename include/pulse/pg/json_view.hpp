// jsonb read where it lies, cut out and put together, without its text.
#pragma once

#include "pulse/base/node.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// Reads jsonb of any document; has no state.
class JsonbReader : public json::Reader {
  public:
    json::Node Get(const json::Node& object, std::string_view key) const override;
    size_t Count(const json::Node& container) const override;
    std::pair<std::string_view, json::Node> Member(const json::Node& object, size_t index) const override;
    json::Node Element(const json::Node& array, size_t index) const override;
    std::string Number(const json::Node& number) const override;
    std::string_view Bytes(const json::Node& container) const override;
    json::Shape Measure(const json::Node& container) const override;
};

// The root of a jsonb value; a compressed one is copied into the current memory context first.
json::Node Root(Datum jsonb);
// The node of a text that somebody keeps.
json::Node TextNode(std::string_view text);

// A node as a jsonb value of its own, in the current memory context. A container is one copy of its bytes.
Datum CutOut(const json::Node& node);
// {"key": value, …} of values of any of the types text, bigint, double precision, boolean, timestamptz and
// jsonb; nulls are left out.
Datum MakeObject(const std::vector<std::pair<const char*, Value>>& members);
// a || b.
Datum Concatenate(Datum a, Datum b);

// An array of values of one type, as a parameter. `nulls` may be empty: none is null.
Value ArrayOf(Oid element_type, const std::vector<Datum>& values, const std::vector<bool>& nulls = {});

}  // namespace pulse::pg
