// Requests of the gateway itself: comparing versions, counting the use of keys.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/web/answer.hpp"

namespace pulse::web {

// Throws UserError where the body is not what the route asks for.
Answer AnswerGateway(const Route& route, Datum body);

}  // namespace pulse::web
