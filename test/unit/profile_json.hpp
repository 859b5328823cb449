// Events as JSON text, read as jsonb is read in the server.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <string>

#include "pulse/base/json_value.hpp"

namespace pulse::profile::testing {

class TextReader : public json::Reader {
  public:
    // The document lives as long as the reader.
    json::Value Parse(const std::string& text) {
        documents_.push_back(nlohmann::json::parse(text, nullptr, false));
        json::Value node = documents_.back().is_discarded() ? json::Value{} : Of(documents_.back());
        if (node.IsContainer()) node.size = text.size();
        return node;
    }

    json::Value Get(const json::Value& object, std::string_view key) const override {
        if (object.type != json::Type::kObject) return {};
        const auto found = Json(object).find(key);
        return found == Json(object).end() ? json::Value{} : Of(*found);
    }
    size_t Count(const json::Value& container) const override {
        return container.IsContainer() ? Json(container).size() : 0;
    }
    std::pair<std::string_view, json::Value> Member(const json::Value& object, size_t index) const override {
        const auto member = std::next(Json(object).begin(), static_cast<std::ptrdiff_t>(index));
        return {member.key(), Of(member.value())};
    }
    json::Value Element(const json::Value& array, size_t index) const override {
        return Of(Json(array)[index]);
    }
    std::string Number(const json::Value& number) const override { return Json(number).dump(); }
    std::string_view Bytes(const json::Value& container) const override {
        return texts_.emplace_back(
            Json(container).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    json::Shape Measure(const json::Value& container) const override {
        json::Shape shape;
        Walk(Json(container), 1, shape);
        return shape;
    }

  private:
    static const nlohmann::json& Json(const json::Value& node) {
        return *static_cast<const nlohmann::json*>(node.value);
    }
    static json::Value Of(const nlohmann::json& value) {
        json::Value node;
        node.value = &value;
        switch (value.type()) {
            case nlohmann::json::value_t::null: node.type = json::Type::kNull; break;
            case nlohmann::json::value_t::boolean:
                node.type = json::Type::kBoolean;
                node.boolean = value.get<bool>();
                break;
            case nlohmann::json::value_t::string:
                node.type = json::Type::kText;
                node.text = value.get_ref<const std::string&>();
                break;
            case nlohmann::json::value_t::object: node.type = json::Type::kObject; break;
            case nlohmann::json::value_t::array: node.type = json::Type::kArray; break;
            default: node.type = json::Type::kNumber;
        }
        return node;
    }
    static void Walk(const nlohmann::json& value, int depth, json::Shape& shape) {
        if (!value.is_structured()) return;
        shape.depth = std::max(shape.depth, depth);
        if (value.is_object()) shape.members += static_cast<int64_t>(value.size());
        for (const auto& child : value) Walk(child, depth + 1, shape);
    }

    std::deque<nlohmann::json> documents_;
    mutable std::deque<std::string> texts_;
};

}  // namespace pulse::profile::testing
