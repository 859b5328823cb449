// SQL functions behind the sign-in to the console.
#include <nlohmann/json.hpp>

#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/web/console.hpp"
#include "pulse/web/store_console.hpp"

namespace pg = pulse::pg;
namespace web = pulse::web;
using pg::Value;

PULSE_FUNCTION(pulse_sign_in) {
    static const pg::RecordType type({{"answer", JSONBOID}, {"status", INT4OID}, {"headers", JSONBOID}});
    const pg::Args args(fcinfo);
    const std::optional<std::string> token = web::BeginSession(args.Text(0).value_or(""));
    if (!token)
        return type.Make({Value::Jsonb({{"error", "the API key is unknown or has ended"}}), Value::Int4(401),
                          Value::Null(JSONBOID)});
    const bool secure = !args.IsNull(1) && DatumGetBool(args.Raw(1));
    return type.Make({Value::Jsonb({{"signedIn", true}, {"seconds", web::kSessionTime}}), Value::Int4(200),
                      Value::Jsonb({{"set-cookie", web::SessionCookie(*token, secure)}})});
}

PULSE_FUNCTION(pulse_sign_out) {
    static const pg::RecordType type({{"answer", JSONBOID}, {"headers", JSONBOID}});
    const pg::Args args(fcinfo);
    web::EndSession(args.Text(0).value_or(""));
    const bool secure = !args.IsNull(1) && DatumGetBool(args.Raw(1));
    return type.Make({Value::Jsonb({{"signedIn", false}}),
                      Value::Jsonb({{"set-cookie", web::SessionCookie("", secure)}})});
}
