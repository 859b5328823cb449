#include "pulse/diagnosis/agent_model.hpp"

#include "pulse/base/error.hpp"

namespace pulse::diagnosis {

using options::Holder;

namespace {

// The path is inserted before a query, which older Azure addresses have.
std::string RequestUrl(std::string base, const char* path) {
    const size_t query = base.find('?');
    const std::string rest = query == std::string::npos ? "" : base.substr(query);
    base.resize(std::min(query, base.size()));
    while (base.ends_with('/')) base.pop_back();
    if (!base.ends_with(path)) base += path;
    return base + rest;
}

}  // namespace

const options::Table& ModelOptions() {
    using K = options::Kind;
    constexpr Holder kServer = Holder::kServer, kMapping = Holder::kMapping;
    static const options::Table table(
        "model", {{"protocol", kServer, K::kWord, "", "protocol of its server", {"openai", "anthropic"}},
                  {"base_url", kServer, K::kUrl, "", "address before /chat/completions or /messages"},
                  {"model", kServer, K::kText, "", "name of the model on its server"},
                  {"max_output_tokens", kServer, K::kCount, "2000", "maximum length of an answer in tokens"},
                  {"token_parameter",
                   kServer,
                   K::kWord,
                   "max_completion_tokens",
                   "name of that limit in openai's protocol",
                   {"max_completion_tokens", "max_tokens", "both"}},
                  {"structured_output",
                   kServer,
                   K::kWord,
                   "always",
                   "which requests of openai's protocol include the schema of the answer",
                   {"always", "final", "never"}},
                  {"key_header",
                   kServer,
                   K::kWord,
                   "",
                   "header of the key, if not the protocol's own",
                   {"authorization", "api-key", "x-api-key"}},
                  {"price_input", kServer, K::kNumber, "", "price of a million input tokens"},
                  {"price_output", kServer, K::kNumber, "", "price of a million output tokens"},
                  {"connect_timeout", kServer, K::kDuration, "10s", "maximum time to connect"},
                  {"timeout", kServer, K::kDuration, "2min", "maximum time for an answer"},
                  {"ca_file",
                   kServer,
                   K::kText,
                   "",
                   "file with the certificates of trusted authorities",
                   {},
                   false,
                   true},
                  {"api_key", kMapping, K::kText, "", "API key", {}, true}});
    return table;
}

void CheckModelOptions(Holder holder, const options::List& options) {
    if (holder != Holder::kServer) {
        // The key is sent in a header.
        const std::string key = options::Value(options, "api_key").value_or("");
        for (const unsigned char c : key)
            if (c <= ' ' || c >= 0x7f)
                throw UserError(sqlstate::kInvalidParameter, "invalid value for option \"api_key\"", "",
                                "A key contains no blanks, no line breaks and only ASCII characters.");
        return;
    }
    for (const char* name : {"protocol", "base_url", "model"})
        if (!options::Value(options, name))
            throw UserError(sqlstate::kInvalidParameter,
                            std::string("a model needs the option \"") + name + "\"", "",
                            "Give protocol, base_url and model.");
    if (ModelOptions().Get(options, "max_output_tokens") == "0")
        throw UserError(sqlstate::kInvalidParameter, "invalid value for option \"max_output_tokens\"",
                        "It is 0.", "Give at least 1; an answer has some hundred tokens.");
}

Model MakeModel(const std::string& name, const options::List& server, const options::List& mapping) {
    CheckModelOptions(Holder::kServer, server);
    const options::Table& table = ModelOptions();
    const auto get = [&](const char* option) { return table.Get(server, option); };
    Model model;
    model.name = name;
    model.protocol = get("protocol") == "anthropic" ? Protocol::kAnthropic : Protocol::kOpenai;
    const bool anthropic = model.protocol == Protocol::kAnthropic;
    model.url = RequestUrl(get("base_url"), anthropic ? "/messages" : "/chat/completions");
    model.model = get("model");
    model.token_parameter = get("token_parameter");
    model.structured_output = get("structured_output");
    model.max_output_tokens = options::ParseWhole(get("max_output_tokens")).value_or(2000);
    model.price_input = options::ParseNumber(get("price_input")).value_or(0);
    model.price_output = options::ParseNumber(get("price_output")).value_or(0);
    model.connect_timeout = options::ParseSpan(get("connect_timeout")).value_or(10'000);
    model.timeout = options::ParseSpan(get("timeout")).value_or(120'000);
    model.ca_file = get("ca_file");
    model.api_key = options::Value(mapping, "api_key").value_or("");
    model.key_header = get("key_header");
    if (model.key_header.empty()) model.key_header = anthropic ? "x-api-key" : "authorization";
    return model;
}

std::vector<std::pair<std::string, std::string>> Headers(const Model& model) {
    std::vector<std::pair<std::string, std::string>> headers{{"Content-Type", "application/json"},
                                                             {"Accept", "application/json"}};
    if (model.protocol == Protocol::kAnthropic) headers.emplace_back("anthropic-version", "2023-06-01");
    if (model.api_key.empty()) return headers;
    if (model.key_header == "authorization")
        headers.emplace_back("Authorization", "Bearer " + model.api_key);
    else
        headers.emplace_back(model.key_header, model.api_key);
    return headers;
}

double Cost(const Model& model, int64_t input_tokens, int64_t output_tokens) {
    return (static_cast<double>(input_tokens) * model.price_input +
            static_cast<double>(output_tokens) * model.price_output) /
           1e6;
}

int64_t EstimateTokens(size_t bytes) {
    return static_cast<int64_t>(bytes / 3) + 1;
}

}  // namespace pulse::diagnosis
