// Describing one segment.
#include <cmath>

#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/segment/member_words.hpp"
#include "pulse/segment/store.hpp"

namespace pulse::segment {

namespace {

// Break lines at blanks, so that the table fits a screen of 120 columns.
std::string Wrap(const std::string& text) {
    constexpr size_t kWidth = 96;
    std::string wrapped;
    size_t used = 0;
    for (size_t at = 0; at < text.size();) {
        size_t end = text.find(' ', at);
        if (end == std::string::npos) end = text.size();
        if (used > 0 && used + 1 + end - at > kWidth) {
            wrapped += '\n';
            used = 0;
        } else if (at > 0) {
            wrapped += ' ';
            ++used;
        }
        wrapped += text.substr(at, end - at);
        used += end - at;
        at = end + 1;
    }
    return wrapped;
}

class Explainer {
  public:
    explicit Explainer(const Segment& segment)
        : segment_(segment),
          request_(ParseRequest(segment.definition)),
          words_(WordsOf(segment.definition)) {}

    std::vector<ExplainRow> Run() {
        Heading();
        Definition();
        Compiled();
        Versions();
        return std::move(rows_);
    }

  private:
    void Add(const std::string& item, const std::string& value) {
        if (!value.empty()) rows_.push_back({item, item == "sql" || item == "query" ? value : Wrap(value)});
    }

    void Heading() {
        std::string tags;
        for (const std::string& tag : segment_.tags) tags += (tags.empty() ? "" : ", ") + tag;
        Add("segment", segment_.name);
        Add("description", segment_.description.value_or(""));
        Add("owner", segment_.owner.value_or(""));
        Add("tags", tags);
        Add("status", Name(segment_.status));
        Add("members are", request_.members.value_or(""));
        Add("measured every", request_.cadence.value_or("1 day"));
        Add("runs as", segment_.runs_as);
        if (request_.source.empty()) Add("search_path", segment_.search_path);
    }

    void Definition() {
        Add("source", SourceText(SourcesOf(request_)));
        if (!request_.sources.empty())
            Add("without a server", request_.allow_incomplete.value_or(false) ? "the snapshot is incomplete"
                                                                              : "there is no snapshot");
        Add("from", request_.kind == SegmentKind::kProfile ? "people" : request_.from);
        Add("query", request_.query);
        Add("key", request_.key.value_or(""));
        const rule::ExprPtr tree = ReadRule(request_);
        Add("rule", request_.static_segment ? kAddedByHand
                    : tree                  ? rule::Print(*tree)
                    : words_.people()       ? "everybody"
                                            : "all " + words_.rows);
        std::string attributes;
        if (request_.attributes)
            for (const AttributeRequest& attribute : *request_.attributes)
                attributes += (attributes.empty() ? "" : ", ") + attribute.name + " (" +
                              (attribute.kind ? Name(*attribute.kind) : "by type") + ")";
        Add("attributes", attributes);
        Add("converted", request_.converted.value_or(""));
        Add("last_active", request_.kind == SegmentKind::kProfile ? "time of the last event"
                                                                  : request_.last_active.value_or(""));
    }

    // A failing segment can be explained, too: its error is shown instead of the plan.
    void Compiled() {
        for (const source::Access& access : AccessesOf(segment_)) CompiledOn(access);
    }

    // The SQL is the same on all servers.
    void CompiledOn(const source::Access& access) {
        const std::string of = request_.sources.empty() ? "" : " on " + access.source;
        try {
            const std::string now_call = pg::VerbSchema() + ".pulse_now()";
            const Request ready = PrepareRequest(request_, pg::Now());
            std::string sql;
            source::PlanEstimate plan;
            std::vector<UnreadablePart> unreadable;
            ReadAndRecord(access, "define", segment_.name, [&](source::Reader& reader) {
                const std::vector<source::Column> columns = DescribeColumns(reader, ready);
                // As it will run, with pulse_now() replaced by the moment.
                unreadable.clear();
                sql = CompileReadable(request_.kind == SegmentKind::kProfile ? ready : request_, columns,
                                      now_call, unreadable)
                          .Sql();
                std::vector<UnreadablePart> same;
                plan = reader.Estimate(CompileReadable(ready, columns, NowLiteral(), same).Sql());
            });
            for (const UnreadablePart& part : unreadable)
                Add("not measured" + of, part.name + ": " + part.reason);
            if (access.source == request_.source) Add("sql", sql);
            Add("plan" + of, "about " + std::to_string(std::llround(plan.rows)) + " " + words_.members +
                                 " at cost " + std::to_string(std::llround(plan.cost)) +
                                 (plan.reads_whole_relation ? ", reads the whole relation" : ""));
        } catch (const UserError& error) {
            Add("error" + of, error.message());
            Add("error detail" + of, error.detail());
            Add("error hint" + of, error.hint());
        }
    }

    void Versions() {
        const pg::OwnerSession session;
        const pg::Result result = pg::Execute(
            "SELECT version, changed_at, changed_by, change FROM pulse.segment_version WHERE segment_id = $1 "
            "ORDER BY version DESC",
            {pg::Value::Int8(segment_.id)});
        for (uint64_t i = 0; i < result.size(); ++i)
            Add("version " + std::to_string(result[i].Int4(0)),
                FormatMoment(result[i].Time(1)) + " by " + result[i].Text(2) + ": " + result[i].Text(3));
    }

    const Segment& segment_;
    Request request_;
    MemberWords words_;
    std::vector<ExplainRow> rows_;
};

}  // namespace

std::vector<ExplainRow> Explain(const std::string& name) {
    const Segment segment = Load(name);
    return Explainer(segment).Run();
}

}  // namespace pulse::segment
