// The kinds of subjects of earlier rooms, and what each reads.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/pg/foreign.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/source/relation.hpp"
#include "pulse/trait/definition.hpp"
#include "pulse/trait/store_live.hpp"
#include "pulse/trust/subject.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::trust {

namespace {

using pg::Value;

void AddEvents(const rule::Expr& tree, std::vector<Subject>& uses) {
    for (const std::string& event : trait::FindReferences(tree).events)
        uses.push_back({"event", event.empty() ? "*" : event});
}

// What a rule over people names itself: traits and segments are followed further, macros are expanded.
void AddRule(const rule::Expr& tree, std::vector<Subject>& uses) {
    const rule::ReferencedNames names = rule::FindReferencedNames(tree);
    for (const std::string& name : names.traits) uses.push_back({"trait", name});
    for (const std::string& name : names.segments) uses.push_back({"segment", name});
    AddEvents(tree, uses);
    for (const std::string& name : names.macros)
        if (const rule::ExprPtr macro = trait::SavedDefinitions().FindMacro(name, 0))
            AddEvents(*rule::Expand(*macro, trait::SavedDefinitions()), uses);
}

bool FindSegment(const std::string& name, std::vector<Subject>& uses) {
    static pg::Statement statement("SELECT kind, definition, search_path FROM pulse.segment WHERE name = $1",
                                   {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(name)});
    if (rows.empty()) return false;
    const pg::Json definition = rows[0].Jsonb(1);
    if (rows[0].Text(0) == "profile") {
        const segment::Request request = segment::ParseRequest(definition);
        if (request.static_segment) return true;  // people who were added by hand
        if (const rule::ExprPtr tree = segment::ReadRule(request)) AddRule(*tree, uses);
        for (const std::string& source : segment::SourcesOf(request)) uses.push_back({"source", source});
        return true;
    }
    const std::vector<std::string> relations = segment::RelationsOf(definition, rows[0].Text(2));
    const std::vector<std::string> sources = segment::SourcesOf(definition);
    if (sources.empty())
        for (const std::string& relation : relations) uses.push_back({"table", relation});
    for (const std::string& source : sources) {
        uses.push_back({"source", source});
        for (const std::string& relation : relations) uses.push_back({"table", source + ":" + relation});
    }
    return true;
}

bool FindTrait(const std::string& name, std::vector<Subject>& uses) {
    static pg::Statement statement("SELECT expression FROM pulse.trait WHERE key = $1", {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(name)});
    if (rows.empty()) return false;
    AddRule(*rule::Parse(rows[0].Text(0)), uses);
    return true;
}

// "*": any event.
bool FindEvent(const std::string& name, std::vector<Subject>&) {
    static pg::Statement statement(
        "SELECT 1 FROM pulse.event_kind WHERE event = $1 UNION ALL (SELECT 1 FROM pulse.ingest_tally AS t"
        " WHERE t.catalogue ? $1 LIMIT 1)",
        {TEXTOID});
    return name == "*" || !statement.Execute({Value::Text(name)}).empty();
}

bool FindFlag(const std::string& name, std::vector<Subject>& uses) {
    static pg::Statement statement("SELECT definition, flags FROM pulse.flag WHERE key = $1", {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(name)});
    if (rows.empty()) return false;
    const pg::Json definition = rows[0].Jsonb(0);
    for (const pg::Json& rule : definition.value("rules", pg::Json::array()))
        if (rule.contains("when") && rule["when"].is_string())
            AddRule(*rule::Parse(rule["when"].get<std::string>()), uses);
    for (const std::string& flag : rows[0].Texts(1)) uses.push_back({"flag", flag});
    return true;
}

// The tables below a view of this database.
void AddTablesOfView(Oid view, std::vector<Subject>& uses) {
    static pg::Statement statement(
        "SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_rewrite AS r"
        " JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
        " AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class"
        " JOIN pg_class AS c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE r.ev_class = $1 ORDER BY 1",
        {OIDOID});
    const pg::Result rows = statement.Execute({Value{OIDOID, ObjectIdGetDatum(view), false}});
    for (uint64_t i = 0; i < rows.size(); ++i) uses.push_back({"table", rows[i].Text(0)});
}

// A relation, with its schema unless that is public; of a source as "source:schema.name".
bool FindTable(const std::string& name, std::vector<Subject>& uses) {
    static pg::Statement monitored(
        "SELECT 1 FROM pulse.monitor WHERE status = 'active' AND (relation IN ($1, 'public.' || $1) AND source IS"
        " NULL OR source || ':' || relation = $1)",
        {TEXTOID});
    static pg::Statement local(
        "SELECT c.oid, c.relkind IN ('v', 'm') FROM pg_class AS c WHERE c.oid = coalesce(to_regclass($1),"
        " CASE WHEN strpos($1, '.') = 0 THEN to_regclass('public.' || $1) END)",
        {TEXTOID});
    const bool is_monitored = !monitored.Execute({Value::Text(name)}).empty();
    if (!source::IsRelationName(name)) return is_monitored;
    const pg::Result rows = local.Execute({Value::Text(name)});
    if (rows.empty()) return is_monitored;
    if (rows[0].Bool(1)) AddTablesOfView(DatumGetObjectId(rows[0].Raw(0)), uses);
    return true;
}

// A server, or what signals or the events of the last days name as their source.
bool FindSource(const std::string& name, std::vector<Subject>&) {
    static pg::Statement statement(
        "SELECT EXISTS (SELECT FROM pulse.signal_series WHERE source = $1) OR EXISTS (SELECT FROM"
        " pulse.event_source_hour WHERE hour > $2 - interval '3 days' AND source = $1)",
        {TEXTOID, TIMESTAMPTZOID});
    return pg::FindServer("pulse_source", name) ||
           statement.Execute({Value::Text(name), Value::Time(pg::Now())})[0].Bool(0);
}

// The server of a destination is made by a later room; its platform is read of its options.
bool FindDestination(const std::string& name, std::vector<Subject>&) {
    return pg::FindServer("pulse_destination", name).has_value();
}

bool FindAll(const std::string& name, std::vector<Subject>&) {
    return name.empty();
}

[[maybe_unused]] const bool subject_kinds_registered =
    RegisterSubjectKind({"all", FindAll}) && RegisterSubjectKind({"segment", FindSegment}) &&
    RegisterSubjectKind({"trait", FindTrait}) && RegisterSubjectKind({"event", FindEvent}) &&
    RegisterSubjectKind({"flag", FindFlag}) && RegisterSubjectKind({"table", FindTable}) &&
    RegisterSubjectKind({"source", FindSource}) && RegisterSubjectKind({"destination", FindDestination});

}  // namespace

}  // namespace pulse::trust
