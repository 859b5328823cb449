// Language models: the options of pulse_model and what a model is once they are read. Pure C++.
#pragma once

#include <cstdint>

#include "pulse/base/options.hpp"

namespace pulse::diagnosis {

// The options of pulse_model, in the order in which they are told.
const options::Table& ModelOptions();

// Check what the table cannot say. Throws UserError 22023.
void CheckModelOptions(options::Holder holder, const options::List& options);

enum class Protocol { kOpenai, kAnthropic };

struct Model {
    std::string name;  // of the server
    Protocol protocol = Protocol::kOpenai;
    std::string url;    // of its requests, complete
    std::string model;  // as it is called there
    std::string token_parameter = "max_completion_tokens",
                structured_output = "always";  // of OpenAI's protocol
    int64_t max_output_tokens = 2000;
    double price_input = 0, price_output = 0;         // of a million tokens
    int connect_timeout = 10'000, timeout = 120'000;  // ms
    std::string ca_file;
    std::string key_header, api_key;  // the key may be empty
};

// Put the options of a server and its mapping together. Throws UserError 22023 naming what is missing.
Model MakeModel(const std::string& name, const options::List& server, const options::List& mapping);

// The headers of a request, the key's included.
std::vector<std::pair<std::string, std::string>> Headers(const Model& model);

// What so many tokens cost, in the unit of the prices.
double Cost(const Model& model, int64_t input_tokens, int64_t output_tokens);

// About how many tokens a text is; rather too many than too few.
int64_t EstimateTokens(size_t bytes);

}  // namespace pulse::diagnosis
