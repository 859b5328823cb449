// Reads jsonb in place, and extracts and builds it without going through text.
#pragma once

#include "pulse/base/json_value.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::pg {

// Reads the jsonb of any document; has no state.
class JsonbReader : public json::Reader {
  public:
    json::Value Get(const json::Value& object, std::string_view key) const override;
    size_t Count(const json::Value& container) const override;
    std::pair<std::string_view, json::Value> Member(const json::Value& object, size_t index) const override;
    json::Value Element(const json::Value& array, size_t index) const override;
    std::string Number(const json::Value& number) const override;
    std::string_view Bytes(const json::Value& container) const override;
    json::Shape Measure(const json::Value& container) const override;
};

// The root of a jsonb value; a compressed one is copied into the current memory context first.
json::Value Root(Datum jsonb);
// A text value; the caller keeps the text.
json::Value TextValue(std::string_view text);

// Parses JSON text of a sender; what jsonb cannot hold is replaced (base/json_text.hpp). Empty if it is not
// JSON.
std::optional<Datum> ParseSentJson(std::string_view text);
// The same of JSON text that is Pulse's own.
Datum ParseJsonb(const std::string& text);

// Makes a jsonb datum of a value in the current memory context. A container is copied as bytes.
Datum CutOut(const json::Value& node);
// Makes {"key": value, …}. Values are of type text, bigint, double precision, boolean, timestamptz or jsonb;
// nulls are left out.
Datum MakeObject(const std::vector<std::pair<const char*, Value>>& members);
// a || b.
Datum Concatenate(Datum a, Datum b);

// Makes an array of one element type, as a parameter. Empty `nulls` means that no element is null.
Value ArrayOf(Oid element_type, const std::vector<Datum>& values, const std::vector<bool>& nulls = {});

}  // namespace pulse::pg
