#include "pulse/diagnosis/agent_model.hpp"

#include "pulse/base/error.hpp"

namespace pulse::diagnosis {

using options::Holder;

const options::Table& ModelOptions() {
    using K = options::Kind;
    constexpr Holder kServer = Holder::kServer, kMapping = Holder::kMapping;
    static const options::Table table(
        "model",
        {{"protocol", kServer, K::kWord, "", "how it is spoken to", {"openai", "anthropic"}},
         {"base_url", kServer, K::kUrl, "", "address before /chat/completions or /messages"},
         {"model", kServer, K::kText, "", "name of the model there"},
         {"max_output_tokens", kServer, K::kCount, "2000", "longest answer"},
         {"price_input", kServer, K::kNumber, "", "price of a million tokens sent"},
         {"price_output", kServer, K::kNumber, "", "price of a million tokens answered"},
         {"connect_timeout", kServer, K::kDuration, "10s", "longest wait for a connection"},
         {"timeout", kServer, K::kDuration, "2min", "longest wait for an answer"},
         {"ca_file", kServer, K::kText, "", "file with the certificates of authorities trusted", {}, false, true},
         {"api_key", kMapping, K::kText, "", "its key", {}, true}});
    return table;
}

void CheckModelOptions(Holder holder, const options::List& options) {
    if (holder != Holder::kServer) return;
    for (const char* name : {"protocol", "base_url", "model"})
        if (!options::Value(options, name))
            throw UserError(sqlstate::kInvalidParameter, std::string("a model needs the option \"") + name + "\"", "",
                            "Give protocol, base_url and model.");
}

}  // namespace pulse::diagnosis
