// Explains the value of a rule for one person.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/trait/store_definition.hpp"
#include "pulse/trait/store_static_member.hpp"

namespace pulse::trait {

namespace {

using pg::Value;

constexpr size_t kMostRows = 1000;
constexpr int kMostEvents = 20;        // shown per metric
constexpr size_t kShownOfEvent = 200;  // bytes
constexpr const char* kNotThere = "person did not exist yet";

std::string ValueText(const Value& value) {
    if (value.null) return "null";
    if (value.type == BOOLOID) return DatumGetBool(value.datum) ? "true" : "false";
    return pg::ToOutput(value.datum, value.type);
}

bool IsLiteral(const rule::Expr& expr) {
    return rule::As<rule::Null>(expr) || rule::As<rule::Boolean>(expr) || rule::As<rule::Number>(expr) ||
           rule::As<rule::Text>(expr) || rule::As<rule::Duration>(expr) || rule::As<rule::List>(expr);
}

// The nodes of a rule with their values; below a trait or segment, the nodes of its definition.
class Tree {
  public:
    Tree(Subject& subject, bool there) : subject_(subject), there_(there) {}

    std::vector<TreeRow> Run(const rule::ExprPtr& expr) {
        Walk(expr, 0);
        if (!there_ && !rows_.empty()) rows_.front().note = kNotThere;
        return std::move(rows_);
    }

  private:
    void Walk(const rule::ExprPtr& expr, int depth) {
        for (const rule::SubExpression& part : rule::SubExpressions(expr)) {
            pg::CheckInterrupts();
            const int at = depth + part.depth;
            // A rule may be nothing but a literal.
            if ((at > 0 && IsLiteral(*part.expr)) || rows_.size() >= kMostRows) continue;
            rows_.push_back({at, part.text, std::nullopt, std::nullopt});
            if (there_) Show(rows_.back(), *part.expr);
            if (const rule::ExprPtr definition = DefinitionOf(*part.expr)) Walk(definition, at + 1);
        }
    }

    void Show(TreeRow& row, const rule::Expr& expr) {
        try {
            const Rule rule(*rule::Expand(expr, SavedDefinitions()), rule::Expect::kAny, false);
            const Subject::Answer answer = subject_.Evaluate(rule);
            row.value = ValueText(answer.value);
            if (answer.until) row.note = "until " + FormatMoment(*answer.until);
        } catch (const UserError&) {
            // It has no value of its own: a duration or a list.
        }
    }

    // The definition of a trait or segment; nullptr for other nodes.
    static rule::ExprPtr DefinitionOf(const rule::Expr& expr) {
        if (!rule::As<rule::Reference>(expr)) return nullptr;
        const rule::ReferencedNames mentions = rule::FindReferencedNames(expr);
        if (!mentions.traits.empty())
            return SavedDefinitions().Find(rule::Reference::Kind::kTrait, mentions.traits[0], expr.position);
        if (!mentions.segments.empty())
            return SavedDefinitions().Find(rule::Reference::Kind::kSegment, mentions.segments[0],
                                           expr.position);
        if (!mentions.macros.empty()) return SavedDefinitions().FindMacro(mentions.macros[0], expr.position);
        return nullptr;
    }

    Subject& subject_;
    const bool there_;  // the person exists at that moment; otherwise nothing has a value
    std::vector<TreeRow> rows_;
};

// An aggregate that has a value over one event if and only if the event counts for `metric`.
rule::Aggregate OfOneEvent(const rule::Metric& metric) {
    if (metric.property.empty()) return rule::Aggregate::kCount;
    switch (metric.aggregate) {
        case rule::Aggregate::kSum: return rule::Aggregate::kAverage;  // a sum without values is 0
        case rule::Aggregate::kDistinct:
        case rule::Aggregate::kList: return rule::Aggregate::kLast;
        default: return metric.aggregate;
    }
}

// The query for the events that a metric counts: an amount that is a text is not in a sum.
std::string EventQuery(const rule::Metric& metric) {
    rule::Metric single = metric;
    single.aggregate = OfOneEvent(metric);
    const rule::MetricSql sql = rule::CompileMetric(single, "$2", pg::settings::TimeZone(), "$1");
    std::string names;
    for (const std::string& name : sql.events) names += (names.empty() ? "" : ", ") + rule::QuoteText(name);
    return "SELECT e.time, e.id, e.name, e.properties::text FROM pulse.profile AS o JOIN pulse.event AS e"
           " ON e.profile_id = o.id WHERE o.canonical_id = $1 AND e.time <= $2" +
           (names.empty() ? "" : " AND e.name IN (" + names + ")") +
           (sql.oldest.empty() ? "" : " AND e.time > " + sql.oldest) +
           " GROUP BY e.time, e.id, e.name, e.properties, e.received_at HAVING " + sql.value +
           (single.aggregate == rule::Aggregate::kCount ? " > 0" : " IS NOT NULL") +
           " ORDER BY e.time DESC, e.id DESC LIMIT " + std::to_string(kMostEvents + 1);
}

class Membership {
  public:
    Membership(profile::Person person, const segment::Segment& segment)
        : id_(person.id),
          there_(profile::ExistedAt(person, pg::Now())),
          segment_(segment),
          subject_(std::move(person), pg::Now()) {}

    std::vector<MembershipRow> Run() {
        const rule::ExprPtr tree = segment::ReadRule(segment::ParseRequest(segment_.definition));
        const Rule rule(*rule::Expand(*tree, SavedDefinitions(), "segment " + segment_.name),
                        rule::Expect::kBoolean, false);
        const Subject::Answer answer =
            there_ ? subject_.Evaluate(rule) : Subject::Answer{Value::Null(BOOLOID), std::nullopt};
        const bool member = !answer.value.null && DatumGetBool(answer.value.datum);
        Add("verdict", 0, segment_.name, member ? "member" : "not a member",
            there_ ? Since(member) : kNotThere);
        for (TreeRow& row : Tree(subject_, there_).Run(tree))
            Add("rule", row.depth, row.part, row.value, row.note);
        for (const rule::Metric& metric : rule.rule().metrics) Events(metric);
        Add("next change", 0, "without a new event", answer.until ? FormatMoment(*answer.until) : "never",
            std::nullopt);
        return std::move(rows_);
    }

  private:
    void Add(const char* item, int depth, const std::string& part, std::optional<std::string> value,
             std::optional<std::string> note) {
        rows_.push_back({item, depth, part, std::move(value), std::move(note)});
    }

    std::optional<std::string> Since(bool member) const {
        if (!member) return std::nullopt;
        const pg::Result rows = pg::Execute(
            "SELECT since FROM pulse.member WHERE segment_id = $1 AND profile_id = $2 AND since <= $3",
            {Value::Int8(segment_.id), Value::Int8(id_), Value::Time(pg::Now())}, true);
        return rows.empty() ? std::nullopt : std::optional("since " + FormatMoment(rows[0].Time(0)));
    }

    void StaticRows(const rule::Metric& metric) {
        for (const StaticPeriod& period : StaticPeriods(metric.segment, id_, pg::Now(), kMostEvents)) {
            const bool ended = period.removed_at && *period.removed_at <= pg::Now();
            Add("added", 0, rule::Print(metric), FormatMoment(period.added_at),
                "by " + period.added_by +
                    (ended ? "; removed " + FormatMoment(*period.removed_at) + " by " +
                                 period.removed_by.value_or("")
                           : ""));
        }
    }

    void ConsentRows(const rule::Metric& metric) {
        const pg::Result rows = pg::Execute(
            "SELECT r.status, r.at, r.source, r.id, r.expires_at FROM pulse.profile AS o"
            " JOIN pulse.consent_record AS r ON r.profile_id = o.id WHERE o.canonical_id = $1"
            " AND r.purpose IN ($2, 'all') AND r.at <= $3 ORDER BY r.at DESC, r.id DESC LIMIT $4",
            {Value::Int8(id_), Value::Text(metric.purpose), Value::Time(pg::Now()), Value::Int4(kMostEvents)},
            true);
        for (uint64_t i = 0; i < rows.size(); ++i)
            Add("consent", 0, rule::Print(metric), FormatMoment(rows[i].Time(1)),
                rows[i].Text(0) + ", source " + Shorten(rows[i].Text(2), kShownOfEvent) + ", record " +
                    std::to_string(rows[i].Int8(3)) +
                    (rows[i].IsNull(4) ? "" : ", expires " + FormatMoment(rows[i].Time(4))));
    }

    void Events(const rule::Metric& metric) {
        if (metric.aggregate == rule::Aggregate::kStatic) return StaticRows(metric);
        if (metric.aggregate == rule::Aggregate::kConsent) return ConsentRows(metric);
        const std::string text = rule::Print(metric);
        if (!metric.steps.empty())
            return;  // its steps find different events; the tree shows whether they were found
        const pg::Result rows =
            pg::Execute(EventQuery(metric), {Value::Int8(id_), Value::Time(pg::Now())}, true);
        for (uint64_t i = 0; i < std::min<uint64_t>(rows.size(), kMostEvents); ++i)
            Add("event", 0, text, FormatMoment(rows[i].Time(0)),
                rows[i].Text(2) + ", id " + std::to_string(rows[i].Int8(1)) + ": " +
                    Shorten(rows[i].Text(3), kShownOfEvent));
        if (rows.size() > kMostEvents) Add("event", 0, text, "…", "older events are not shown");
    }

    int64_t id_;
    const bool there_;
    const segment::Segment& segment_;
    Subject subject_;
    std::vector<MembershipRow> rows_;
};

}  // namespace

std::vector<TreeRow> TestExpression(const std::string& expression, const std::string& user) {
    const rule::ExprPtr tree = ReadExpression(expression);
    const pg::OwnerSession session;
    // Check the expression before looking for the person.
    CheckReferences(*rule::Expand(*tree, SavedDefinitions()));
    CheckRule(*tree, rule::Expect::kAny, "");
    const profile::Person person = profile::RequirePerson(user);
    Subject subject(person, pg::Now());
    return Tree(subject, profile::ExistedAt(person, pg::Now())).Run(tree);
}

std::vector<MembershipRow> ExplainMembership(const std::string& user, const std::string& name) {
    const segment::Segment segment = segment::Load(name);
    if (segment.kind != segment::SegmentKind::kProfile)
        throw UserError(sqlstate::kWrongObjectType,
                        "segment \"" + segment.name + "\" is not a segment over people",
                        "It is a segment over a " + std::string(segment::Name(segment.kind)) + ".",
                        "Read its members from its source; pulse_explain_segment() shows the query.");
    const pg::OwnerSession session;
    return Membership(profile::RequirePerson(user), segment).Run();
}

}  // namespace pulse::trait
