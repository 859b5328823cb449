// Events as JSON text, read as jsonb is read in the server.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <string>

#include "pulse/base/node.hpp"

namespace pulse::profile::testing {

class TextReader : public json::Reader {
  public:
    // The document lives as long as the reader.
    json::Node Parse(const std::string& text) {
        documents_.push_back(nlohmann::json::parse(text, nullptr, false));
        json::Node node = documents_.back().is_discarded() ? json::Node{} : Of(documents_.back());
        if (node.IsContainer()) node.size = text.size();
        return node;
    }

    json::Node Get(const json::Node& object, std::string_view key) const override {
        if (object.kind != json::Kind::kObject) return {};
        const auto found = Json(object).find(key);
        return found == Json(object).end() ? json::Node{} : Of(*found);
    }
    size_t Count(const json::Node& container) const override {
        return container.IsContainer() ? Json(container).size() : 0;
    }
    std::pair<std::string_view, json::Node> Member(const json::Node& object, size_t index) const override {
        const auto member = std::next(Json(object).begin(), static_cast<std::ptrdiff_t>(index));
        return {member.key(), Of(member.value())};
    }
    json::Node Element(const json::Node& array, size_t index) const override {
        return Of(Json(array)[index]);
    }
    std::string Number(const json::Node& number) const override { return Json(number).dump(); }
    std::string_view Bytes(const json::Node& container) const override {
        return texts_.emplace_back(
            Json(container).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    json::Shape Measure(const json::Node& container) const override {
        json::Shape shape;
        Walk(Json(container), 1, shape);
        return shape;
    }

  private:
    static const nlohmann::json& Json(const json::Node& node) {
        return *static_cast<const nlohmann::json*>(node.value);
    }
    static json::Node Of(const nlohmann::json& value) {
        json::Node node;
        node.value = &value;
        switch (value.type()) {
            case nlohmann::json::value_t::null: node.kind = json::Kind::kNull; break;
            case nlohmann::json::value_t::boolean:
                node.kind = json::Kind::kBoolean;
                node.boolean = value.get<bool>();
                break;
            case nlohmann::json::value_t::string:
                node.kind = json::Kind::kText;
                node.text = value.get_ref<const std::string&>();
                break;
            case nlohmann::json::value_t::object: node.kind = json::Kind::kObject; break;
            case nlohmann::json::value_t::array: node.kind = json::Kind::kArray; break;
            default: node.kind = json::Kind::kNumber;
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
