#include "pulse/diagnosis/agent_redact.hpp"

#include <algorithm>
#include <cctype>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::diagnosis {

namespace {

using nlohmann::json;
using rule::Expr;
using rule::ExprPtr;
using rule::Op;

bool ComparesExactly(Op op) {
    return op == Op::kEqual || op == Op::kNotEqual || op == Op::kIn;
}

// The value of `column = value`, which all members have.
std::optional<std::string> OnlyValue(const std::string& clause) {
    try {
        const ExprPtr expr = rule::Parse(clause);
        const auto* equal = rule::AsOp(*expr, Op::kEqual);
        if (!equal) return std::nullopt;
        for (const ExprPtr& operand : equal->operands) {
            if (const auto* text = rule::As<rule::Text>(*operand)) return text->value;
            if (const auto* number = rule::As<rule::Number>(*operand)) return number->digits;
        }
    } catch (const UserError&) {
        // The clause is not a rule.
    }
    return std::nullopt;
}

// Rebuilds a tree with other literals.
template <typename Redact>
ExprPtr Rebuild(const ExprPtr& expr, bool exact, const Redact& redact) {
    const auto all = [&](const std::vector<ExprPtr>& list, bool inner) {
        std::vector<ExprPtr> made;
        for (const ExprPtr& item : list) made.push_back(Rebuild(item, inner, redact));
        return made;
    };
    if (const auto* text = rule::As<rule::Text>(*expr))
        return rule::Make(rule::Text{redact(text->value)}, expr->position);
    if (const auto* number = rule::As<rule::Number>(*expr); number && exact) {
        const std::string redacted = redact(number->digits);
        return redacted == number->digits ? expr : rule::Make(rule::Text{redacted}, expr->position);
    }
    if (const auto* list = rule::As<rule::List>(*expr))
        return rule::Make(rule::List{all(list->items, exact)}, expr->position);
    if (const auto* call = rule::As<rule::Call>(*expr))
        return rule::MakeCall(call->function, all(call->arguments, false), expr->position);
    if (const auto* found = rule::As<rule::Metric>(*expr)) {
        rule::Metric metric = *found;
        if (metric.filter) metric.filter = Rebuild(metric.filter, false, redact);
        for (rule::SequenceStep& step : metric.steps)
            if (step.filter) step.filter = Rebuild(step.filter, false, redact);
        return rule::Make(std::move(metric), expr->position);
    }
    if (const auto* elements = rule::As<rule::Elements>(*expr))
        return rule::Make(rule::Elements{elements->all, Rebuild(elements->list, false, redact),
                                         Rebuild(elements->condition, false, redact)},
                          expr->position);
    if (const auto* operation = rule::As<rule::Operation>(*expr))
        return rule::MakeOperation(operation->op, all(operation->operands, ComparesExactly(operation->op)),
                                   expr->position);
    return expr;
}

bool IsName(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// Returns the end of the quoted text that begins at `at`, after its closing quote; a doubled quote does not
// end it.
size_t EndOfQuoted(const std::string& text, size_t at, bool backslash) {
    const char mark = text[at];
    for (size_t i = at + 1; i < text.size(); ++i) {
        if (backslash && text[i] == '\\')
            ++i;
        else if (text[i] == mark) {
            if (i + 1 >= text.size() || text[i + 1] != mark) return i + 1;
            ++i;
        }
    }
    return text.size();
}

// Whether the error is `column "x" does not exist` for a former column: the only message that adds to its
// SQLSTATE and contains no data of people.
bool NamesLostColumn(const SegmentSnapshot& failed, const std::map<std::string, std::string>& columns) {
    if (failed.error_state != sqlstate::kUndefinedColumn) return false;
    for (const auto& [name, type] : columns)
        for (const std::string& written : {name, "s." + name, '"' + name + '"'})
            if (failed.error == "column " + written + " does not exist") return true;
    return false;
}

}  // namespace

std::string ErrorText(const std::string& state) {
    static const std::map<std::string, std::string> texts{
        {"08", "a server could not be reached"},
        {"0A", "the definition uses an unsupported feature"},
        {"22", "a value could not be read, converted or used in a computation"},
        {"25", "the definition does something that a read-only transaction does not allow"},
        {"40", "it conflicted with other transactions"},
        {"42", "the definition does not match what it reads"},
        {sqlstate::kInsufficientPrivilege,
         "a privilege on something that the definition reads or calls is missing"},
        {sqlstate::kSyntaxError, "the definition is not valid SQL"},
        {sqlstate::kUndefinedColumn, "a column that the definition uses does not exist"},
        {sqlstate::kUndefinedObject, "something that the definition uses does not exist"},
        {sqlstate::kDatatypeMismatch, "a column that the definition uses is of another type"},
        {sqlstate::kUndefinedFunction,
         "a function or operator that the definition uses does not exist, perhaps because a column is of "
         "another type"},
        {sqlstate::kUndefinedTable, "a relation that the definition uses does not exist"},
        {"53", "the server did not have enough memory, space or connections"},
        {"54", "a limit of the server was exceeded"},
        {"55", "something was not in the required state"},
        {sqlstate::kLockNotAvailable, "a lock could not be obtained"},
        {"57", "it was cancelled by a person, a time limit or a shutdown"},
        {"HV", "a server could not be reached"},
        {"P0", "a function or trigger raised an error of its own"}};
    for (const std::string& key : {state, state.substr(0, 2)})
        if (const auto found = texts.find(key); found != texts.end()) return found->second;
    return "the database reported an error";
}

std::string Redactor::Replacement(const std::string& value) {
    if (const auto found = replaced_.find(value); found != replaced_.end()) return found->second;
    return replaced_[value] = "(rare " + std::to_string(replaced_.size() + 1) + ")";
}

void Redactor::Learn(const SegmentSnapshot& snapshot) {
    for (const snapshot::Distribution& one : snapshot.attributes)
        for (size_t i = 0; i < std::min(one.labels.size(), one.counts.size()); ++i)
            if (one.counts[i] >= kMinPeople) common_.insert(one.labels[i]);
    for (const ClauseCount& clause : snapshot.clauses)
        if (clause.passed.value_or(0) >= kMinPeople)
            if (const auto value = OnlyValue(clause.text)) common_.insert(*value);
}

void Redactor::RedactValues(const std::vector<snapshot::Distribution*>& moments) {
    if (share_) return;
    std::map<std::string, int64_t> most;
    int64_t with_value = 0;
    for (const auto* one : moments) {
        with_value = std::max(with_value, one->known());
        for (size_t i = 0; i < std::min(one->labels.size(), one->counts.size()); ++i)
            most[one->labels[i]] = std::max(most[one->labels[i]], one->counts[i]);
    }
    for (auto* one : moments) {
        // Minimum and maximum are one person's; with few people every figure is.
        one->minimum = one->maximum = std::nullopt;
        if (with_value < kMinPeople) {
            one->mean = one->stddev = std::nullopt;
            one->quantiles.clear();
        }
        if (!one->labelled()) continue;
        std::vector<std::string> labels;
        std::vector<int64_t> counts;
        for (size_t i = 0; i < std::min(one->labels.size(), one->counts.size()); ++i) {
            if (most[one->labels[i]] >= kMinPeople) {
                labels.push_back(one->labels[i]);
                counts.push_back(one->counts[i]);
            } else {
                one->other += one->counts[i];
            }
        }
        one->labels = std::move(labels);
        one->counts = std::move(counts);
    }
}

void Redactor::RedactSnapshots(const std::vector<SegmentSnapshot*>& snapshots) {
    std::map<std::string, std::vector<snapshot::Distribution*>> moments;
    std::map<std::string, std::string> columns;  // all columns that existed
    for (const SegmentSnapshot* snapshot : snapshots)
        columns.insert(snapshot->columns.begin(), snapshot->columns.end());
    for (SegmentSnapshot* snapshot : snapshots) {
        for (snapshot::Distribution& one : snapshot->attributes) moments[one.attribute].push_back(&one);
        for (ClauseCount& clause : snapshot->clauses) clause.text = RedactRule(clause.text);
        if (snapshot->error_state.empty() && snapshot->error.empty()) continue;
        if (!NamesLostColumn(*snapshot, columns)) snapshot->error = ErrorText(snapshot->error_state);
        if (ErrorText(snapshot->error_state) == ErrorText(snapshot->error_state.substr(0, 2)))
            snapshot->error_state.resize(std::min<size_t>(snapshot->error_state.size(), 2));
    }
    for (auto& [attribute, list] : moments) RedactValues(list);
}

void Redactor::Redact(DiagnosisInput& input) {
    if (share_) return;
    std::vector<SegmentSnapshot*> own;
    for (auto* snapshot : {&input.before, &input.after, &input.failed})
        if (*snapshot) own.push_back(&**snapshot);
    for (const SegmentSnapshot* snapshot : own) Learn(*snapshot);
    for (const CorrelatedIncident& other_incident : input.correlated) {
        Learn(other_incident.before);
        Learn(other_incident.after);
    }
    RedactSnapshots(own);
    for (CorrelatedIncident& other_incident : input.correlated)
        RedactSnapshots({&other_incident.before, &other_incident.after});
    input.definition = RedactDefinition(input.definition);
    if (!input.definition.value("query", "").empty())
        input.source = "(" + input.definition.value("query", "") + "\n) AS s";
    for (RuleVersion& version : input.versions) {
        version.change = RedactQuoted(version.change);
        version.changed_by = "somebody";
        version.definition = RedactDefinition(version.definition);
        for (std::string& clause : version.clauses) clause = RedactRule(clause);
    }
    for (TableIncident& table : input.tables) table.summary = RedactSummary(table.summary);
}

void Redactor::Redact(TableDiagnosisInput& input) {
    if (share_) return;
    input.summary = RedactSummary(input.summary);
    for (ConcurrentIncident& neighbour : input.concurrent)
        neighbour.summary = RedactSummary(neighbour.summary);
}

std::string Redactor::RedactRule(const std::string& text) {
    if (share_) return text;
    const auto redact = [&](const std::string& value) {
        const bool plain =
            value.empty() || value == "0" || value == "1" || Common(value) || ParseMoment(value);
        return plain ? value : Replacement(value);
    };
    try {
        return rule::Print(*Rebuild(rule::Parse(text), false, redact));
    } catch (const UserError&) {
        return RedactSql(text);
    }
}

nlohmann::json Redactor::RedactDefinition(const nlohmann::json& definition) {
    if (share_) return definition;
    json redacted = definition;
    if (!redacted.is_object()) return redacted;
    for (auto& [key, value] : redacted.items()) {
        if (value.is_string() &&
            (key == "where" || key == "converted" || key == "last_active" || key == "key"))
            value = RedactRule(value.get<std::string>());
        else if (value.is_string() && key == "query")
            value = RedactSql(value.get<std::string>());
    }
    // The same in JSON: values wherever they stand, with the operators that ask for exactly one.
    const std::function<void(json&)> walk = [&](json& node) {
        if (node.is_array()) {
            for (json& item : node) walk(item);
        } else if (node.is_object()) {
            for (auto& [key, value] : node.items()) {
                // A condition on elements is a rule in the place of a value.
                if (key != "value" || value.is_object()) {
                    if (value.is_structured()) walk(value);
                    continue;
                }
                const auto one = [&](json& item) {
                    if (!item.is_string()) return;
                    const std::string text = item.get<std::string>();
                    if (!text.empty() && !Common(text) && !ParseMoment(text)) item = Replacement(text);
                };
                if (value.is_array())
                    for (json& item : value) one(item);
                else
                    one(value);
                const std::string op = node.value("operator", "");
                if (value.is_number() && (op == "=" || op == "==" || op == "!=" || op == "<>") &&
                    !Common(DumpJson(value)) && value != 0 && value != 1)
                    value = Replacement(DumpJson(value));
            }
        }
    };
    for (const char* key : {"rules", "groups"})
        if (redacted.contains(key)) walk(redacted[key]);
    return redacted;
}

std::string Redactor::RedactSql(const std::string& sql) {
    if (share_) return sql;
    std::string redacted;
    char before = ' ';  // the last character that is not a blank
    const auto redact = [&](const std::string& value) {
        return Common(value) || ParseMoment(value) ? value : Replacement(value);
    };
    for (size_t i = 0; i < sql.size();) {
        const char c = sql[i];
        if (sql.compare(i, 2, "--") == 0) {  // words of people, about people perhaps
            i = std::min(sql.find_first_of("\r\n", i), sql.size());
        } else if (sql.compare(i, 2, "/*") == 0) {
            const size_t end = sql.find("*/", i + 2);
            i = end == std::string::npos ? sql.size() : end + 2;
            redacted += ' ';
        } else if (c == '\'') {
            const bool escapes = (before == 'e' || before == 'E') && i > 0 && sql[i - 1] == before;
            const size_t end = EndOfQuoted(sql, i, escapes);
            redacted += "'" + redact(sql.substr(i + 1, end - i >= 2 ? end - i - 2 : 0)) + "'";
            before = '\'';
            i = end;
        } else if (c == '"') {
            const size_t end = EndOfQuoted(sql, i, false);
            redacted.append(sql, i, end - i);
            before = '"';
            i = end;
        } else if (c == '$' && !IsName(before) && sql.find('$', i + 1) != std::string::npos) {
            const size_t tag = sql.find('$', i + 1);
            const std::string mark = sql.substr(i, tag + 1 - i);
            const size_t end = sql.find(mark, tag + 1);
            const size_t stop = end == std::string::npos ? sql.size() : end;
            redacted += "'" + redact(sql.substr(tag + 1, stop - tag - 1)) + "'";
            before = '\'';
            i = std::min(stop + mark.size(), sql.size());
        } else if (std::isdigit(static_cast<unsigned char>(c)) && (i == 0 || !IsName(sql[i - 1]))) {
            size_t end = i;
            while (end < sql.size() && (IsName(sql[end]) || sql[end] == '.')) ++end;
            const std::string number = sql.substr(i, end - i);
            // After = or in a list a number is a person's value; after < or > it is a limit.
            const bool exact = before == '=' ? redacted.find_last_of('=') == 0 ||
                                                   (redacted[redacted.find_last_of('=') - 1] != '<' &&
                                                    redacted[redacted.find_last_of('=') - 1] != '>')
                                             : before == '(' || before == ',';
            redacted +=
                exact && number.size() > 2 && !Common(number) ? "'" + Replacement(number) + "'" : number;
            before = '0';
            i = end;
        } else {
            redacted += c;
            if (!std::isspace(static_cast<unsigned char>(c))) before = c;
            ++i;
        }
    }
    return redacted;
}

std::string Redactor::RedactQuoted(const std::string& text) {
    if (share_) return text;
    std::string redacted;
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        const bool opens = (c == '"' || c == '\'' || c == '`') && (i == 0 || !IsName(text[i - 1]));
        const size_t end = opens ? text.find(c, i + 1) : std::string::npos;
        if (end == std::string::npos) {
            redacted += text[i++];
            continue;
        }
        const std::string value = text.substr(i + 1, end - i - 1);
        if (!Common(value)) {
            redacted += c + std::string(kRare) + c;
            i = std::max(end, text.find_last_of("\"'`")) + 1;
            continue;
        }
        redacted += c + value + c;
        i = end + 1;
    }
    return redacted;
}

std::string Redactor::RedactSummary(const std::string& text) {
    if (share_) return text;
    // As the rooms drift and health write them: check … fails: …, the segment can no longer be measured: …,
    // the segment is measured without …: …
    for (const char* mark : {" fails: ", " can no longer be measured: ", " is measured without "})
        if (const size_t at = text.find(mark); at != std::string::npos)
            return RedactQuoted(text.substr(0, text.find(": ", at)));
    return RedactQuoted(text);
}

nlohmann::json Redactor::Count(int64_t people) const {
    if (share_ || people <= 0 || people >= kMinPeople) return people;
    return "fewer than " + std::to_string(kMinPeople);
}

}  // namespace pulse::diagnosis
