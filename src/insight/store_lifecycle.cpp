// The settings of lifecycle stages, the macro `lifecycle`, and the segments that keep the stages of
// everybody.
#include "pulse/insight/store_lifecycle.hpp"

#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/insight/store_setting_versions.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/segment/store.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr int kMostDays = 3650;
constexpr size_t kMostEvents = 20;

std::vector<LifecycleVersion> ReadLifecycleVersions() {
    const pg::Result rows = pg::Execute(
        "SELECT version, at, enabled, known, purchase_events, inactive_days, segments"
        " FROM pulse.lifecycle_version ORDER BY version",
        {}, true);
    std::vector<LifecycleVersion> versions;
    for (uint64_t i = 0; i < rows.size(); ++i)
        versions.push_back({rows[i].Int4(0),
                            rows[i].Time(1),
                            rows[i].Bool(2),
                            {rows[i].Text(3), rows[i].Texts(4), rows[i].Int4(5)},
                            rows[i].Int8s(6)});
    return versions;
}

SettingVersions<LifecycleVersion>& KnownLifecycle() {
    static SettingVersions<LifecycleVersion> known(ReadLifecycleVersions);
    return known;
}

// ---- the macro, its dependents, its segments ----

// While the settings change, the segments of the stages may be changed with them.
bool changing_stages = false;

class ChangingStages {
  public:
    ChangingStages() { changing_stages = true; }
    ~ChangingStages() { changing_stages = false; }
    ChangingStages(const ChangingStages&) = delete;
    ChangingStages& operator=(const ChangingStages&) = delete;
};

bool DefinesLifecycle(const std::string& name) {
    return name == "lifecycle";
}

rule::ExprPtr FindLifecycleTree(const std::string&, Moment at, size_t) {
    const LifecycleVersion* version = KnownLifecycle().Find(at);
    if (!version) return nullptr;
    return KnownLifecycle().Tree(*version, "", [&] { return rule::Parse(LifecycleRule(version->settings)); });
}

int64_t LifecycleVersionAt(Moment at) {
    const LifecycleVersion* version = KnownLifecycle().Find(at);
    return version ? version->version : 0;
}

void GuardStage(const std::string& segment) {
    if (changing_stages || !KnownLifecycle().Find(trait::kNewestSettings)) return;
    for (size_t stage = 0; stage < kStages; ++stage)
        if (segment == StageSegment(stage))
            throw UserError(sqlstate::kWrongObjectType,
                            "segment \"" + segment + "\" belongs to the lifecycle",
                            "Its rule follows from the settings of lifecycle stages.",
                            "Change them with pulse_enable_lifecycle().");
}

std::vector<std::string> StageValues(const std::string&) {
    return {kStageNames.begin(), kStageNames.end()};
}

[[maybe_unused]] const bool defines_lifecycle =
    trait::RegisterMacros({DefinesLifecycle, FindLifecycleTree, LifecycleVersionAt, GuardStage, StageValues});

// What the settings use stays, and so do the segments of the stages.
void AddLifecycle(std::vector<trait::Dependent>& dependents) {
    const LifecycleVersion* version = KnownLifecycle().Find(trait::kNewestSettings);
    if (!version) return;
    trait::Dependent lifecycle{"lifecycle", "stages", {rule::Parse(version->settings.known)}};
    for (size_t stage = 0; stage < kStages && !changing_stages; ++stage)
        lifecycle.rules.push_back(
            rule::Make(rule::Reference{rule::Reference::Kind::kSegment, {StageSegment(stage)}}, 0));
    dependents.push_back(std::move(lifecycle));
}

[[maybe_unused]] const bool lists_lifecycle = trait::RegisterDependents(AddLifecycle);

// ---- changes ----

LifecycleSettings AppliedLifecycle(const LifecycleInput& input, LifecycleSettings settings) {
    if (input.purchase_events) {
        const std::vector<std::string>& events = *input.purchase_events;
        if (events.empty() || events.size() > kMostEvents)
            ThrowInvalid("\"purchase_events\" must have from 1 to " + std::to_string(kMostEvents) + " events",
                         "It has " + std::to_string(events.size()) + ".",
                         "Give for example {Purchase}: the events that make a customer.");
        for (const std::string& event : events)
            if (event.empty() || event.size() > 255)
                ThrowInvalid("\"purchase_events\" has an invalid name",
                             "It is " + InQuotes(Shorten(event, 80)) + ".",
                             "A name has from 1 to 255 bytes.");
        settings.purchase_events = events;
    }
    if (input.inactive_days) {
        if (*input.inactive_days < 1 || *input.inactive_days > kMostDays)
            ThrowInvalid("\"inactive_days\" is out of range",
                         "It is " + std::to_string(*input.inactive_days) + ".",
                         "Give from 1 to " + std::to_string(kMostDays) + " days.");
        settings.inactive_days = static_cast<int>(*input.inactive_days);
    }
    if (input.known) settings.known = rule::Print(*rule::Parse(*input.known));
    return settings;
}

// It must compile, and must not lead back to itself.
void CheckLifecycle(const LifecycleSettings& settings) {
    const rule::ExprPtr known = rule::Parse(settings.known);
    const rule::ReferencedNames names = rule::FindReferencedNames(*known);
    for (const std::string& macro : names.macros)
        if (macro == "lifecycle")
            throw UserError(sqlstate::kInvalidDefinition, "\"known\" refers to lifecycle",
                            "The rule is " + rule::PrintShort(*known) + ".",
                            "Write out what makes a person known.");
    trait::CheckRule(*known, rule::Expect::kBoolean, "macro lifecycle");
    trait::CheckReferences(*trait::ExpandWithoutMacros(*known));
}

int AddLifecycleVersion(const std::optional<LifecycleVersion>& before, bool enabled,
                        const LifecycleSettings& settings, const char* change, const std::string& actor) {
    const int version = before ? before->version + 1 : 1;
    pg::Execute(
        "INSERT INTO pulse.lifecycle_version (version, at, enabled, known, purchase_events, inactive_days,"
        " segments, change, changed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        {Value::Int4(version), Value::Time(pg::PastNow()), Value::Bool(enabled), Value::Text(settings.known),
         Value::Texts(settings.purchase_events), Value::Int4(settings.inactive_days),
         Value::Int8s(before ? before->segments : std::vector<int64_t>()), Value::Text(change),
         Value::Text(actor)});
    trait::InvalidateDefinitions();
    trait::ApplyDefinitionChanges();
    audit::Write(("lifecycle." + std::string(change)).c_str(), "settings", {{"version", version}});
    return version;
}

struct StoredStage {
    int64_t id = 0;
    std::string status;
};

std::optional<StoredStage> FindStage(size_t stage) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute("SELECT id, status FROM pulse.segment WHERE name = $1",
                                        {Value::Text(StageSegment(stage))});
    return rows.empty() ? std::nullopt : std::optional(StoredStage{rows[0].Int8(0), rows[0].Text(1)});
}

// The segment of a stage, made or resumed. Returns its id.
int64_t KeepStage(size_t stage, const std::vector<int64_t>& ours) {
    const std::string name = StageSegment(stage);
    if (const auto stored = FindStage(stage)) {
        if (stage >= ours.size() || ours[stage] != stored->id)
            throw UserError(sqlstate::kDuplicateObject, "segment \"" + name + "\" already exists",
                            "Lifecycle stages are kept as segments of these names.",
                            "Rename it: SELECT pulse_update_segment('" + name + "', new_name => …).");
        if (stored->status == "archived") segment::SetStatus(name, segment::Status::kActive);
        return stored->id;
    }
    segment::SegmentInput input;
    input.name = name;
    input.description = std::string("People whose lifecycle stage is ") + kStageNames[stage] +
                        ". Kept by pulse_enable_lifecycle().";
    input.definition = {{"where", std::string("lifecycle == \"") + kStageNames[stage] + "\""},
                        {"attributes", pg::Json::array()}};
    input.tags = {"lifecycle"};
    return segment::Create(input);
}

}  // namespace

bool LifecycleIsOn(Moment at) {
    return KnownLifecycle().Find(at) != nullptr;
}

LifecycleVersion RequireLifecycle(Moment at) {
    if (const LifecycleVersion* version = KnownLifecycle().Find(at)) return *version;
    throw UserError(sqlstate::kNotReady, "lifecycle stages are not switched on", "",
                    "SELECT pulse_enable_lifecycle() switches them on.");
}

int EnableLifecycle(const LifecycleInput& input) {
    const std::string actor = pg::ActorName();
    if (input.known) rule::Parse(*input.known);
    trait::LockDefinitions();
    std::optional<LifecycleVersion> before;
    int version = 0;
    {
        const pg::OwnerSession session;
        before = KnownLifecycle().Newest();
        const bool on = before && before->enabled;
        const LifecycleSettings settings =
            AppliedLifecycle(input, before ? before->settings : LifecycleSettings());
        if (on && settings == before->settings) return before->version;
        CheckLifecycle(settings);
        if (input.purchase_events) trait::CheckReferences(*rule::Parse(LifecycleRule(settings)));
        version = AddLifecycleVersion(before, true, settings, on ? "changed" : "enabled", actor);
    }
    const ChangingStages changing;
    std::vector<int64_t> segments;
    for (size_t stage = 0; stage < kStages; ++stage)
        segments.push_back(KeepStage(stage, before ? before->segments : std::vector<int64_t>()));
    const pg::OwnerSession session;
    pg::Execute("UPDATE pulse.lifecycle_version SET segments = $2 WHERE version = $1",
                {Value::Int4(version), Value::Int8s(segments)});
    trait::InvalidateDefinitions();
    return version;
}

void DisableLifecycle() {
    const std::string actor = pg::ActorName();
    trait::LockDefinitions();
    std::optional<LifecycleVersion> before;
    {
        const pg::OwnerSession session;
        before = KnownLifecycle().Newest();
    }
    if (!before || !before->enabled) return;
    {
        const ChangingStages changing;
        for (size_t stage = 0; stage < kStages; ++stage)
            if (FindStage(stage)) segment::SetStatus(StageSegment(stage), segment::Status::kArchived);
    }
    const pg::OwnerSession session;
    AddLifecycleVersion(before, false, before->settings, "disabled", actor);
}

}  // namespace pulse::insight
