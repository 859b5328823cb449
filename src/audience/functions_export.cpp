// SQL functions for exports of people with chosen columns.
#include <nlohmann/json.hpp>

#include "pulse/audience/store_export.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/spi.hpp"

namespace pg = pulse::pg;
namespace audience = pulse::audience;

PULSE_WRITING_FUNCTION(pulse_export_audience) {
    using pg::Value;
    const pg::Args args(fcinfo);
    const std::optional<std::string> segment = args.Text(0);
    const audience::ExportFormat format = audience::ReadExportFormat(args.RequireText(1, "format"));
    const pg::Json options = args.Jsonb(2).value_or(pg::Json::object());
    pg::ResultSet results(fcinfo);
    const pulse::trait::Export file = audience::ExportAudience(segment, format, options);
    results.Add({Value::Int8(file.id), Value::Text(file.segment), Value::Text(file.filename),
                 Value::Int8(file.users), Value::Int8(file.bytes), Value::Text(file.etag),
                 Value::Text(file.created_by), Value::Time(file.created_at), Value::Time(file.kept_until),
                 Value::Text(file.token), Value::Time(file.expires_at), Value::Text(file.state)});
    return pg::ResultSet::Done();
}
