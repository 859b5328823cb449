// SQL functions for decisions and exposures.
#include "pulse/base/error.hpp"
#include "pulse/flag/store_evaluation_context.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/transaction.hpp"

namespace pg = pulse::pg;
namespace flag = pulse::flag;

namespace {

using pg::Value;

Value JsonbOf(const std::string& bytes) {
    return bytes.empty() ? Value::Null(JSONBOID) : Value{JSONBOID, PointerGetDatum(bytes.data()), false};
}

// value, variant, allow, reason, rule, segment, bucket, version, payload
void AddDecision(flag::StoredEvaluationContext& context, const flag::StoredFlag& saved,
                 const flag::Decision& decision, std::vector<Value>& row) {
    row.push_back(JsonbOf(saved.values[decision.variant]));
    row.push_back(Value::Text(saved.definition.variants[decision.variant].name));
    row.push_back(Value::Bool(saved.definition.Allows(decision.variant)));
    row.push_back(Value::Text(flag::Name(decision.reason)));
    row.push_back(decision.rule > 0 ? Value::Int4(decision.rule) : Value::Null(INT4OID));
    row.push_back(Value::Text(context.SegmentOf(saved, decision)));
    row.push_back(decision.bucket ? Value::Int4(*decision.bucket) : Value::Null(INT4OID));
    row.push_back(Value::Int4(saved.version));
    row.push_back(JsonbOf(saved.payloads[decision.variant]));
}

Value ContextArgument(const pg::Args& args, int i) {
    return args.IsNull(i) ? Value::Null(JSONBOID) : Value{JSONBOID, args.Raw(i), false};
}

Datum MakeDecisionRow(flag::StoredEvaluationContext& context, const flag::StoredFlag& saved,
                      const flag::Decision& decision) {
    static const pg::RecordType type({{"value", JSONBOID},
                                      {"variant", TEXTOID},
                                      {"allow", BOOLOID},
                                      {"reason", TEXTOID},
                                      {"rule", INT4OID},
                                      {"segment", TEXTOID},
                                      {"bucket", INT4OID},
                                      {"version", INT4OID},
                                      {"payload", JSONBOID}});
    std::vector<Value> row;
    row.reserve(9);
    AddDecision(context, saved, decision, row);
    return type.Make(row);
}

}  // namespace

PULSE_FUNCTION(pulse_decide) {
    const pg::Args args(fcinfo);
    const std::string key = args.RequireText(1, "flag");
    flag::StoredEvaluationContext context(args.Text(0), ContextArgument(args, 2));
    flag::RefreshFlags();
    const flag::StoredFlag& saved = flag::RequireFlag(key);
    return MakeDecisionRow(context, saved, context.Decide(saved));
}

PULSE_FUNCTION(pulse_expose) {
    const pg::Args args(fcinfo);
    const std::string key = args.RequireText(1, "flag");
    flag::StoredEvaluationContext context(args.Text(0), ContextArgument(args, 2));
    flag::RefreshFlags();
    const flag::StoredFlag& saved = flag::RequireFlag(key);
    const flag::Decision decision = context.Decide(saved);
    const std::optional<std::string> id = context.BucketingId();
    if (id && !pg::ReadOnly())
        flag::RecordExposure(saved, context.person(), *id, saved.definition.variants[decision.variant].name);
    return MakeDecisionRow(context, saved, decision);
}

PULSE_WRITING_FUNCTION(pulse_log_exposure) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user"), key = args.RequireText(1, "flag"),
                      variant = args.RequireText(2, "variant");
    flag::StoredEvaluationContext context(user, Value::Null(JSONBOID));
    flag::RefreshFlags();
    const flag::StoredFlag& saved = flag::RequireFlag(key);
    flag::RequireVariant(saved.definition, variant, "flag " + key, pulse::sqlstate::kUndefinedObject);
    const std::optional<std::string> id = context.BucketingId();
    if (!id)
        throw pulse::UserError(pulse::sqlstate::kInvalidParameter, "\"user\" must not be empty", "",
                               "Give the id that the decision was made for.");
    return BoolGetDatum(flag::RecordExposure(saved, context.person(), *id, variant));
}

PULSE_FUNCTION(pulse_decide_all) {
    const pg::Args args(fcinfo);
    flag::StoredEvaluationContext context(args.Text(0), ContextArgument(args, 1));
    flag::RefreshFlags();
    pg::ResultSet rows(fcinfo);
    for (const std::string& key : flag::ActiveFlags()) {
        pg::CheckInterrupts();
        const flag::StoredFlag* saved = flag::FindFlag(key);
        if (!saved) continue;
        std::vector<Value> row{Value::Text(key)};
        AddDecision(context, *saved, context.Decide(*saved), row);
        rows.Add(row);
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_explain_decision) {
    const pg::Args args(fcinfo);
    const std::string key = args.RequireText(1, "flag");
    flag::StoredEvaluationContext context(args.Text(0), ContextArgument(args, 2));
    flag::RefreshFlags();
    const flag::StoredFlag& saved = flag::RequireFlag(key);
    std::vector<flag::ExplanationLine> lines;
    const flag::Decision decision = context.Decide(saved, &lines);
    pg::ResultSet rows(fcinfo);
    rows.Add({Value::Int4(0), Value::Text("decision"),
              Value::Text(saved.definition.variants[decision.variant].name),
              Value::Text(std::string(flag::Name(decision.reason)) +
                          (decision.rule > 0 ? ", rule " + std::to_string(decision.rule) : "") +
                          ", version " + std::to_string(saved.version))});
    const std::optional<std::string> id = context.BucketingId();
    rows.Add({Value::Int4(0), Value::Text("person"),
              context.person() ? Value::Text("profile:" + std::to_string(context.person()->id))
                               : Value::Null(TEXTOID),
              Value::Text(!context.person() && id ? "unknown id " + *id + ", evaluated from the context alone"
                          : id                    ? "bucketing id " + *id
                                                  : std::string("no id, no bucketing"))});
    for (const flag::ExplanationLine& line : lines)
        rows.Add({Value::Int4(line.depth), Value::Text(line.part),
                  line.value.empty() ? Value::Null(TEXTOID) : Value::Text(line.value),
                  line.note.empty() ? Value::Null(TEXTOID) : Value::Text(line.note)});
    return pg::ResultSet::Done();
}
