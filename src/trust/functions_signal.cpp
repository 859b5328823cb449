// SQL functions that record signals.
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_signal.hpp"
#include "pulse/trust/store_signal_query.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

constexpr size_t kMostSignals = 1000;
constexpr const char* kSignalExample = R"({"name": "emq", "value": 7.5, "source": "meta"})";

Signal ReadSignal(const pg::Json& json) {
    const JsonObject object(json, {.name = "the signal"},
                            {"name", "value", "source", "entity", "at", "details"}, kSignalExample);
    Signal signal;
    signal.name = object.Text("name").value_or("");
    const auto value =
        object.Number("value", -std::numeric_limits<double>::max(), std::numeric_limits<double>::max());
    if (!value)
        ThrowInvalid("\"value\" is missing", "", std::string("Give for example ") + kSignalExample + ".");
    signal.value = *value;
    signal.source = object.Text("source").value_or("");
    signal.entity = object.Text("entity").value_or("");
    signal.at = object.Time("at");
    if (const auto* details = object.Object("details")) signal.details = *details;
    return signal;
}

// A batch: what is valid of it, and the error of each other one.
struct SignalBatch {
    std::vector<Signal> signals;
    std::vector<std::optional<std::string>> errors;  // by place
};

SignalBatch ReadBatch(const pg::Json& json, Moment now) {
    if (!json.is_array())
        ThrowInvalid("\"signals\" must be an array", "It is " + DumpJson(json).substr(0, 80) + ".",
                     std::string("Give for example [") + kSignalExample + "].");
    if (json.size() > kMostSignals)
        throw UserError(sqlstate::kProgramLimit, "more than 1,000 signals",
                        "There are " + std::to_string(json.size()) + ".", "Send several batches.");
    SignalBatch batch;
    for (const pg::Json& each : json) {
        std::optional<std::string> error;
        try {
            Signal signal = ReadSignal(each);
            CheckSignal(signal, now, false);
            batch.signals.push_back(std::move(signal));
        } catch (const UserError& refused) {
            error = refused.message() + (refused.detail().empty() ? "" : ": " + refused.detail());
        }
        batch.errors.push_back(std::move(error));
    }
    return batch;
}

}  // namespace

}  // namespace pulse::trust

namespace pg = pulse::pg;
namespace trust = pulse::trust;
using pg::Value;

PULSE_WRITING_FUNCTION(pulse_record_signal) {
    const pg::Args args(fcinfo);
    trust::Signal signal;
    signal.name = args.RequireText(0, "name");
    const auto value = args.Float8(1);
    if (!value)
        throw pulse::UserError(pulse::sqlstate::kNullValue, "\"value\" must not be null", "",
                               "Leave the call out: a missing signal is named, and never counted as good.");
    signal.value = *value;
    signal.source = args.Text(2).value_or("");
    signal.entity = args.Text(3).value_or("");
    signal.at = args.Time(4);
    if (auto details = args.Jsonb(5)) signal.details = std::move(*details);
    trust::CheckSignal(signal, pg::PastNow(), false);
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    return Int64GetDatum(trust::WriteSignals({signal}, actor).at(0));
}

PULSE_WRITING_FUNCTION(pulse_record_signals) {
    const pg::Json json = pg::Args(fcinfo).RequireJsonb(0, "signals");
    pg::ResultSet rows(fcinfo);
    const trust::SignalBatch batch = trust::ReadBatch(json, pg::PastNow());
    const std::string actor = pg::ActorName();
    const pg::OwnerSession session;
    const std::vector<int64_t> ids = trust::WriteSignals(batch.signals, actor);
    size_t next = 0;
    for (size_t i = 0; i < batch.errors.size(); ++i) {
        const auto& error = batch.errors[i];
        rows.Add({Value::Int4(static_cast<int32_t>(i)), Value::Text(error ? "rejected" : "recorded"),
                  error ? Value::Null(INT8OID) : Value::Int8(ids.at(next++)), Value::Text(error)});
    }
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_create_signal) {
    const pg::Args args(fcinfo);
    trust::SignalQuery query;
    query.name = args.RequireText(0, "name");
    query.query = args.RequireText(1, "query");
    if (args.IsNull(2))
        throw pulse::UserError(pulse::sqlstate::kNullValue, "\"every\" must not be null", "",
                               "Give for example '1 hour'.");
    query.source = args.Text(3).value_or("");
    query.entity = args.Text(4).value_or("");
    return Int64GetDatum(trust::CreateSignalQuery(std::move(query), pg::IntervalArgument(args.Raw(2))));
}

PULSE_WRITING_FUNCTION(pulse_run_signal) {
    return Int32GetDatum(trust::RunSignalQuery(pg::Args(fcinfo).RequireText(0, "name")));
}

PULSE_WRITING_FUNCTION(pulse_delete_signal) {
    trust::DeleteSignalQuery(pg::Args(fcinfo).RequireText(0, "name"));
    PG_RETURN_VOID();
}
