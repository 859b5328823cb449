// Language models: the options of pulse_model. Pure C++.
#pragma once

#include "pulse/base/options.hpp"

namespace pulse::diagnosis {

// The options of pulse_model, in the order in which they are told.
const options::Table& ModelOptions();

// Check what the table cannot say. Throws UserError 22023.
void CheckModelOptions(options::Holder holder, const options::List& options);

}  // namespace pulse::diagnosis
