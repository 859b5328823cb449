#include "pulse/diagnosis/agent_protocol.hpp"

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

constexpr int kMaxNesting = 64;
constexpr size_t kMaxReason = 300;

void TakeNulls(Json& json) {
    if (json.is_string()) {
        for (char& c : json.get_ref<std::string&>())
            if (c == '\0') c = ' ';
    } else if (json.is_array()) {
        for (Json& item : json) TakeNulls(item);
    } else if (json.is_object()) {
        bool bad = false;
        for (auto& [key, value] : json.items()) {
            bad |= key.find('\0') != std::string::npos;
            TakeNulls(value);
        }
        if (!bad) return;
        Json clean = Json::object();
        for (auto& [key, value] : json.items()) {
            std::string name = key;
            for (char& c : name)
                if (c == '\0') c = ' ';
            clean[name] = std::move(value);
        }
        json = std::move(clean);
    }
}

// The member if it is an object or a list.
const Json* Member(const Json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string TextOf(const Json& object, const char* name) {
    const Json* member = Member(object, name);
    return member && member->is_string() ? member->get<std::string>() : "";
}

std::optional<int64_t> CountOf(const Json& object, const char* name) {
    const Json* member = Member(object, name);
    if (!member || !member->is_number()) return std::nullopt;
    const double number = member->get<double>();
    if (!(number >= 0 && number < 1e12)) return std::nullopt;
    return static_cast<int64_t>(number);
}

std::string NewId(size_t nth, size_t call) {
    return "call_" + std::to_string(nth) + "_" + std::to_string(call);
}

// Arguments are JSON as text; some servers send an object.
ToolCall ReadArguments(const Json* arguments) {
    ToolCall call;
    if (!arguments) {
        call.arguments = Json::object();
    } else if (arguments->is_object()) {
        call.arguments = *arguments;
    } else if (arguments->is_string()) {
        call.raw = arguments->get<std::string>();
        if (call.raw.find_first_not_of(" \t\r\n") == std::string::npos)
            call.arguments = Json::object();
        else if (auto parsed = ParseModelJson(call.raw); parsed && parsed->is_object())
            call.arguments = std::move(*parsed);
    }
    return call;
}

// Text, or a list of parts with text.
std::string ContentText(const Json* content) {
    if (!content) return "";
    if (content->is_string()) return content->get<std::string>();
    std::string text;
    if (content->is_array())
        for (const Json& part : *content) text += TextOf(part, "text");
    return text;
}

void ReadOpenaiCalls(const Json& list, size_t nth, ModelReply& reply) {
    Json kept = Json::array();
    for (const Json& item : list) {
        const Json* function = Member(item, "function");
        if (!function) continue;
        ToolCall call = ReadArguments(Member(*function, "arguments"));
        call.id = TextOf(item, "id");
        call.name = TextOf(*function, "name");
        if (call.id.empty()) call.id = NewId(nth, kept.size() + 1);
        // Some servers parse earlier arguments again and refuse invalid JSON.
        kept.push_back({{"id", call.id},
                        {"type", "function"},
                        {"function",
                         {{"name", call.name},
                          {"arguments", call.arguments.is_object() ? DumpJson(call.arguments) : "{}"}}}});
        reply.calls.push_back(std::move(call));
    }
    if (!kept.empty()) reply.message["tool_calls"] = kept;
}

std::optional<ModelReply> ReadOpenai(const Json& body, size_t nth, std::string& error) {
    const Json* choices = Member(body, "choices");
    const Json* first = choices && choices->is_array() && !choices->empty() ? &choices->front() : nullptr;
    const Json* message = first ? Member(*first, "message") : nullptr;
    if (!message || !message->is_object()) {
        error = "the answer has no choices[0].message";
        return std::nullopt;
    }
    ModelReply reply;
    reply.text = ContentText(Member(*message, "content"));
    reply.message = {{"role", "assistant"}, {"content", reply.text}};
    if (const Json* calls = Member(*message, "tool_calls"); calls && calls->is_array())
        ReadOpenaiCalls(*calls, nth, reply);
    if (!reply.calls.empty() && reply.text.empty()) reply.message["content"] = nullptr;
    const std::string reason = TextOf(*first, "finish_reason"), refusal = TextOf(*message, "refusal");
    reply.stop = reason == "length"           ? StopReason::kLength
                 : reason == "content_filter" ? StopReason::kFiltered
                 : !refusal.empty()           ? StopReason::kRefused
                 : !reply.calls.empty()       ? StopReason::kTools
                                              : StopReason::kAnswer;
    reply.reason = refusal;
    if (const Json* usage = Member(body, "usage")) {
        reply.input_tokens = CountOf(*usage, "prompt_tokens");
        reply.output_tokens = CountOf(*usage, "completion_tokens");
    }
    return reply;
}

StopReason AnthropicStop(const std::string& reason, bool calls) {
    if (reason == "max_tokens" || reason == "model_context_window_exceeded") return StopReason::kLength;
    if (reason == "refusal") return StopReason::kRefused;
    if (reason == "pause_turn") return StopReason::kPaused;
    return calls ? StopReason::kTools : StopReason::kAnswer;
}

std::optional<ModelReply> ReadAnthropic(const Json& body, size_t nth, std::string& error) {
    const Json* content = Member(body, "content");
    if (!content || !content->is_array()) {
        error = "the answer has no content";
        return std::nullopt;
    }
    ModelReply reply;
    Json kept = Json::array();
    for (const Json& block : *content) {
        const std::string type = TextOf(block, "type");
        Json copy = block;
        if (type == "text") {
            const std::string text = TextOf(block, "text");
            if (text.empty()) continue;  // an empty text is refused when it is sent back
            reply.text += text;
        } else if (type == "tool_use") {
            ToolCall call = ReadArguments(Member(block, "input"));
            call.id = TextOf(block, "id");
            call.name = TextOf(block, "name");
            if (call.id.empty()) call.id = NewId(nth, reply.calls.size() + 1);
            copy["id"] = call.id;
            copy["input"] = call.arguments.is_object() ? call.arguments : Json::object();
            reply.calls.push_back(std::move(call));
        }
        kept.push_back(std::move(copy));
    }
    if (kept.empty()) kept.push_back({{"type", "text"}, {"text", "(no answer)"}});
    reply.message = {{"role", "assistant"}, {"content", std::move(kept)}};
    reply.stop = AnthropicStop(TextOf(body, "stop_reason"), !reply.calls.empty());
    if (const Json* usage = Member(body, "usage")) {
        reply.input_tokens = CountOf(*usage, "input_tokens");
        // Tokens that were written to or read from a cache count as input.
        for (const char* name : {"cache_creation_input_tokens", "cache_read_input_tokens"})
            if (const auto more = CountOf(*usage, name); more && reply.input_tokens)
                *reply.input_tokens += *more;
        reply.output_tokens = CountOf(*usage, "output_tokens");
    }
    return reply;
}

Json OpenaiTools(const std::vector<Tool>& tools) {
    Json list = Json::array();
    for (const Tool& tool : tools)
        list.push_back({{"type", "function"},
                        {"function",
                         {{"name", tool.name},
                          {"description", tool.description},
                          {"strict", true},
                          {"parameters", tool.schema}}}});
    return list;
}

Json OpenaiBody(const Model& model, const std::string& system, const Json& messages,
                const std::vector<Tool>& tools, const Json& schema, bool final) {
    Json all = Json::array({{{"role", "system"}, {"content", system}}});
    for (const Json& message : messages) all.push_back(message);
    Json body{{"model", model.model},
              {"messages", std::move(all)},
              {"tools", OpenaiTools(tools)},
              {"tool_choice", final ? "none" : "auto"},
              {"parallel_tool_calls", false}};
    for (const char* name : {"max_completion_tokens", "max_tokens"})
        if (model.token_parameter == name || model.token_parameter == "both")
            body[name] = model.max_output_tokens;
    if (model.structured_output == "always" || (model.structured_output == "final" && final))
        body["response_format"] = {
            {"type", "json_schema"},
            {"json_schema", {{"name", kReportTool}, {"strict", true}, {"schema", schema}}}};
    return body;
}

Json AnthropicBody(const Model& model, const std::string& system, const Json& messages,
                   const std::vector<Tool>& tools, const Json& schema, bool final) {
    Json list = Json::array();
    for (const Tool& tool : tools)
        list.push_back(
            {{"name", tool.name}, {"description", tool.description}, {"input_schema", tool.schema}});
    list.push_back({{"name", kReportTool},
                    {"description", "Gives the final answer and ends the investigation."},
                    {"input_schema", schema}});
    Json choice = final ? Json{{"type", "tool"}, {"name", kReportTool}} : Json{{"type", "auto"}};
    choice["disable_parallel_tool_use"] = true;
    return {{"model", model.model},     {"max_tokens", model.max_output_tokens},
            {"system", system},         {"messages", messages},
            {"tools", std::move(list)}, {"tool_choice", std::move(choice)}};
}

bool Transient(int status) {
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

}  // namespace

std::optional<Json> ParseModelJson(const std::string& text) {
    try {
        Json json = ParseJson(text, kMaxNesting);
        TakeNulls(json);
        return json;
    } catch (const UserError&) {  // too deep
    } catch (const Json::exception&) {
    }
    return std::nullopt;
}

std::optional<ModelReply> ReadReply(Protocol protocol, const Json& body, size_t nth, std::string& error) {
    return protocol == Protocol::kAnthropic ? ReadAnthropic(body, nth, error) : ReadOpenai(body, nth, error);
}

ModelError ReadModelError(int status, const std::string& body) {
    ModelError failure{"the model's server answered " + std::to_string(status), Transient(status)};
    const std::optional<Json> json = ParseModelJson(body);
    const Json* error = json ? Member(*json, "error") : nullptr;
    if (!error) return failure;
    const std::string message = error->is_string() ? error->get<std::string>() : TextOf(*error, "message");
    const std::string type = TextOf(*error, "type"), code = TextOf(*error, "code");
    const std::string kind = code.empty() ? type : code;
    if (!kind.empty()) failure.reason += " " + Short(kind, 60);
    if (!message.empty()) failure.reason += ": " + Short(message, kMaxReason);
    if (code == "insufficient_quota" || type == "insufficient_quota") failure.retry = false;
    return failure;
}

Json MakeMessages(Protocol protocol, const std::vector<ToolResult>& results, const std::string& text) {
    Json messages = Json::array();
    if (protocol == Protocol::kAnthropic) {
        Json content = Json::array();
        for (const ToolResult& result : results)
            content.push_back({{"type", "tool_result"},
                               {"tool_use_id", result.id},
                               {"content", result.text},
                               {"is_error", result.failed}});
        if (!text.empty()) content.push_back({{"type", "text"}, {"text", text}});
        if (!content.empty()) messages.push_back({{"role", "user"}, {"content", std::move(content)}});
        return messages;
    }
    for (const ToolResult& result : results)
        messages.push_back({{"role", "tool"}, {"tool_call_id", result.id}, {"content", result.text}});
    if (!text.empty()) messages.push_back({{"role", "user"}, {"content", text}});
    return messages;
}

Json MakeBody(const Model& model, const std::string& system, const Json& messages,
              const std::vector<Tool>& tools, const Json& answer_schema, bool final) {
    return model.protocol == Protocol::kAnthropic
               ? AnthropicBody(model, system, messages, tools, answer_schema, final)
               : OpenaiBody(model, system, messages, tools, answer_schema, final);
}

}  // namespace pulse::diagnosis
