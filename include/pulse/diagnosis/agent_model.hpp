// Language models: the options of pulse_model and the model that they describe. Pure C++.
#pragma once

#include <cstdint>

#include "pulse/base/options.hpp"

namespace pulse::diagnosis {

// The options of pulse_model, in the order in which they are listed.
const options::Table& ModelOptions();

// Check the constraints that the table cannot express. Throws UserError 22023.
void CheckModelOptions(options::Holder holder, const options::List& options);

enum class Protocol { kOpenai, kAnthropic };

struct Model {
    std::string name;  // name of the server
    Protocol protocol = Protocol::kOpenai;
    std::string url;    // of its requests, complete
    std::string model;  // name of the model on the server
    std::string token_parameter = "max_completion_tokens",
                structured_output = "always";  // of OpenAI's protocol
    int64_t max_output_tokens = 2000;
    double price_input = 0, price_output = 0;         // of a million tokens
    int connect_timeout = 10'000, timeout = 120'000;  // ms
    std::string ca_file;
    std::string key_header, api_key;  // the key may be empty
};

// Combine the options of a server and its user mapping. Throws UserError 22023 that names what is missing.
Model MakeModel(const std::string& name, const options::List& server, const options::List& mapping);

// The headers of a request, the key's included.
std::vector<std::pair<std::string, std::string>> Headers(const Model& model);

// The cost of a number of tokens, in the unit of the prices.
double Cost(const Model& model, int64_t input_tokens, int64_t output_tokens);

// Estimate the tokens of a text; rather too many than too few.
int64_t EstimateTokens(size_t bytes);

}  // namespace pulse::diagnosis
