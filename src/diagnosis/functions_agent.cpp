// The SQL-callable functions about the agent: arguments in, result out.
#include "pulse/diagnosis/agent_model.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/foreign.hpp"

namespace pg = pulse::pg;
namespace diagnosis = pulse::diagnosis;

PULSE_FUNCTION(pulse_model_validator) {
    pg::ValidateOptions(fcinfo, "pulse_model", diagnosis::ModelOptions(), diagnosis::CheckModelOptions);
    PG_RETURN_VOID();
}
