// The settings of RFM, and the macros rfm.* that they make.
#include "pulse/insight/store_rfm.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/insight/rfm_cuts.hpp"
#include "pulse/insight/store_setting_versions.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_archive_wait.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr Moment kBetweenRefreshes = kDay;

RfmCuts ReadCuts(const pg::Row& row, int column) {
    RfmCuts cuts;
    const pg::Json numbers = row.Jsonb(column);
    for (size_t i = 0; i < cuts.size(); ++i)
        cuts[i] = numbers.at(i).is_null() ? std::nullopt : std::optional(numbers.at(i).get<std::string>());
    return cuts;
}

// Numbers as texts: no C++ number holds every numeric.
constexpr const char* kVersions =
    "SELECT version, at, enabled, event, property, window_days, groups, cuts = 'quintiles',"
    " to_jsonb(recency::text[]), to_jsonb(frequency::text[]), to_jsonb(monetary::text[])"
    " FROM pulse.rfm_version ORDER BY version";

std::vector<RfmVersion> ReadRfmVersions() {
    const pg::Result rows = pg::Execute(kVersions, {}, true);
    std::vector<RfmVersion> versions;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        RfmVersion version;
        version.version = row.Int4(0);
        version.at = row.Time(1);
        version.enabled = row.Bool(2);
        version.settings.event = row.Text(3);
        version.settings.property = row.Text(4);
        version.settings.window_days = row.Int4(5);
        version.settings.grouping = FindRfmGrouping(row.Text(6)).value_or(RfmGrouping::kRules);
        version.settings.quintiles = row.Bool(7);
        version.settings.recency = ReadCuts(row, 8);
        version.settings.frequency = ReadCuts(row, 9);
        version.settings.monetary = ReadCuts(row, 10);
        versions.push_back(std::move(version));
    }
    return versions;
}

SettingVersions<RfmVersion>& KnownRfm() {
    static SettingVersions<RfmVersion> known(ReadRfmVersions);
    return known;
}

// ---- the macros ----

bool DefinesRfm(const std::string& name) {
    return name.starts_with("rfm.");
}

rule::ExprPtr FindRfmTree(const std::string& name, Moment at, size_t position) {
    const RfmVersion* version = KnownRfm().Find(at);
    if (!version) return nullptr;
    const std::string part = name.substr(4);
    std::vector<std::string> names;
    for (const std::string& known : RfmNames()) names.push_back("rfm." + known);
    if (std::find(names.begin(), names.end(), name) == names.end())
        throw UserError(sqlstate::kUndefinedColumn,
                        "unknown name " + Shorten(name, 80) + " in rule" +
                            (position == 0 ? "" : " at position " + std::to_string(position)),
                        "", SuggestName(name, names, "Names"));
    return KnownRfm().Tree(*version, part, [&] { return rule::Parse(RfmRule(version->settings, part)); });
}

int64_t RfmVersionAt(Moment at) {
    const RfmVersion* version = KnownRfm().Find(at);
    return version ? version->version : 0;
}

std::vector<std::string> RfmValues(const std::string& name) {
    std::vector<std::string> groups;
    if (name == "rfm.group")
        for (const RfmGroup& group : RfmGroups()) groups.emplace_back(group.name);
    return groups;
}

[[maybe_unused]] const bool defines_rfm =
    trait::RegisterMacros({DefinesRfm, FindRfmTree, RfmVersionAt, nullptr, RfmValues});

// ---- changes ----

// Of the names in use, the one that was received most often; the seed's without any.
std::string ChooseEvent() {
    const pg::Result rows = pg::Execute(
        "SELECT event FROM pulse.event_catalog WHERE event IN ('Purchase', 'purchase', 'Order Completed')"
        " ORDER BY events DESC, event LIMIT 1",
        {}, true);
    return rows.empty() ? RfmSettings().event : rows[0].Text(0);
}

std::string ChooseProperty(const std::string& event) {
    const pg::Result rows = pg::Execute(
        "SELECT c.property FROM pulse.property_catalog AS c JOIN unnest('{total,revenue,amount,value}'::text[])"
        " WITH ORDINALITY AS w (property, place) ON w.property = c.property"
        " WHERE c.event = $1 AND c.type = 'number' ORDER BY w.place LIMIT 1",
        {Value::Text(event)}, true);
    return rows.empty() ? RfmSettings().property : rows[0].Text(0);
}

void CheckName(const char* what, const std::string& name) {
    constexpr size_t kMost = 255;
    if (name.empty() || name.size() > kMost || name.front() == '.' || name.back() == '.' ||
        (std::string(what) == "property" && name.find("..") != std::string::npos))
        ThrowInvalid(std::string("\"") + what + "\" is not a valid name",
                     name.size() > kMost ? "It has " + std::to_string(name.size()) + " bytes."
                                         : "It is " + InQuotes(name) + ".",
                     "Give for example Purchase as the event and total as the property.");
}

RfmSettings AppliedRfm(const RfmInput& input, const RfmSettings* before) {
    RfmSettings settings = before ? *before : RfmSettings();
    if (input.event)
        settings.event = *input.event;
    else if (!before)
        settings.event = ChooseEvent();
    CheckName("event", settings.event);
    if (input.property)
        settings.property = *input.property;
    else if (!before || input.event)
        settings.property = ChooseProperty(settings.event);
    CheckName("property", settings.property);
    if (input.window_days) {
        if (*input.window_days < kMinWindow || *input.window_days > kMaxWindow)
            ThrowInvalid(
                "\"window_days\" is out of range", "It is " + std::to_string(*input.window_days) + ".",
                "Give from " + std::to_string(kMinWindow) + " to " + std::to_string(kMaxWindow) + " days.");
        settings.window_days = static_cast<int>(*input.window_days);
    }
    if (input.grouping) {
        const auto grouping = FindRfmGrouping(*input.grouping);
        if (!grouping)
            ThrowInvalid("\"groups\" is unknown", "It is " + InQuotes(Shorten(*input.grouping, 80)) + ".",
                         "Give rules or published.");
        settings.grouping = *grouping;
    }
    if (input.cuts) ReadRfmCuts(*input.cuts, settings);
    return settings;
}

Value CutArray(const RfmCuts& cuts) {
    pg::Json texts = pg::Json::array();
    for (const auto& cut : cuts) texts.push_back(cut ? pg::Json(*cut) : pg::Json());
    return Value::Jsonb(texts);
}

void AddRfmVersion(int version, bool enabled, const RfmSettings& settings, const RfmQuintiles* quintiles,
                   const char* change, const std::string& actor) {
    const auto array = [](const char* parameter, const char* type) {
        return std::string("ARRAY(SELECT e.cut::") + type + " FROM jsonb_array_elements_text(" + parameter +
               ") WITH ORDINALITY AS e (cut, place) ORDER BY e.place)";
    };
    pg::Execute(
        "INSERT INTO pulse.rfm_version (version, at, enabled, event, property, window_days, groups, cuts,"
        " recency, frequency, monetary, people, shares, change, changed_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, " +
            array("$9", "int") + ", " + array("$10", "numeric") + ", " + array("$11", "numeric") +
            ", $12, $13, $14, $15)",
        {Value::Int4(version), Value::Time(pg::PastNow()), Value::Bool(enabled), Value::Text(settings.event),
         Value::Text(settings.property), Value::Int4(settings.window_days),
         Value::Text(Name(settings.grouping)), Value::Text(settings.quintiles ? "quintiles" : "fixed"),
         CutArray(settings.recency), CutArray(settings.frequency), CutArray(settings.monetary),
         quintiles ? Value::Int8(quintiles->people) : Value::Null(INT8OID),
         quintiles ? Value::Jsonb(quintiles->shares) : Value::Null(JSONBOID), Value::Text(change),
         Value::Text(actor)});
    trait::InvalidateDefinitions();
    trait::ApplyDefinitionChanges();
    audit::Write(("rfm." + std::string(change)).c_str(), "settings", {{"version", version}});
}

int NumberOf(const std::optional<RfmVersion>& version) {
    return version ? version->version : 0;
}

void RequireUnusedRfm() {
    constexpr size_t kMost = 20;
    const std::vector<std::string> users = trait::DependentsOf("macro", "rfm");
    if (users.empty()) return;
    std::string list;
    for (size_t i = 0; i < std::min(users.size(), kMost); ++i) list += (i ? ", " : "") + users[i];
    if (users.size() > kMost) list += " and " + std::to_string(users.size() - kMost) + " more";
    throw UserError(sqlstate::kDependentObjects, "RFM cannot be switched off while it is used",
                    "It is used by " + list + ".", "Change or delete its dependents first.");
}

}  // namespace

RfmVersion RequireRfm(Moment at) {
    if (const RfmVersion* version = KnownRfm().Find(at)) return *version;
    throw UserError(sqlstate::kNotReady, "RFM is not switched on", "",
                    "SELECT pulse_enable_rfm() switches it on.");
}

int EnableRfm(const RfmInput& input) {
    const std::string actor = pg::ActorName();
    trait::RequireReadCommitted();
    const pg::OwnerSession session;
    // Quintiles read the events of the window, and nobody can write events under the lock: so first all is
    // computed, and computed again if somebody else was faster.
    std::optional<RfmVersion> before = KnownRfm().Newest();
    for (bool locked = false;;) {
        const bool on = before && before->enabled;
        RfmSettings settings = AppliedRfm(input, before ? &before->settings : nullptr);
        if (on && settings == before->settings) return before->version;
        std::optional<RfmQuintiles> quintiles;
        if (settings.quintiles) quintiles = ComputeQuintiles(settings, pg::Now());
        if (quintiles) settings = quintiles->settings;
        if (!locked) trait::LockDefinitions();
        locked = true;
        const int version = NumberOf(before);
        before = KnownRfm().Newest();
        if (NumberOf(before) != version) {
            if (settings.quintiles && trait::ArchiveInUse())
                throw UserError(sqlstate::kSerializationFailure, "RFM was changed meanwhile",
                                "The people are not counted again while nobody can write events, because "
                                "some of these are on an archive.",
                                "Try again.");
            continue;
        }
        AddRfmVersion(version + 1, true, settings, quintiles ? &*quintiles : nullptr,
                      on ? "changed" : "enabled", actor);
        trait::CheckReferences(*rule::Parse(RfmRule(settings, "monetary")));
        return version + 1;
    }
}

void DisableRfm() {
    const std::string actor = pg::ActorName();
    trait::LockDefinitions();
    const pg::OwnerSession session;
    const std::optional<RfmVersion> before = KnownRfm().Newest();
    if (!before || !before->enabled) return;
    RequireUnusedRfm();
    AddRfmVersion(before->version + 1, false, before->settings, nullptr, "disabled", actor);
}

bool RefreshRfm() {
    const std::string actor = pg::ActorName();
    if (!RequireRfm(trait::kNewestSettings).settings.quintiles) {
        pg::Notice("the cuts are fixed",
                   "SELECT pulse_enable_rfm(cuts => '\"quintiles\"') lets them follow the people.");
        return false;
    }
    trait::RequireReadCommitted();
    const pg::OwnerSession session;
    const std::optional<RfmVersion> before = KnownRfm().Newest();
    if (!before || !before->enabled || !before->settings.quintiles) return false;
    const Moment now = pg::PastNow();
    if (now < before->at + kBetweenRefreshes) {
        pg::Notice("the cuts are younger than a day",
                   "They are of " + FormatMoment(before->at) + ", and change at most once a day.");
        return false;
    }
    const RfmQuintiles quintiles = ComputeQuintiles(before->settings, now);
    // Only now, since nobody can write events under the lock. Who changed the settings meanwhile was right.
    trait::LockDefinitions();
    if (NumberOf(KnownRfm().Newest()) != before->version) return false;
    AddRfmVersion(before->version + 1, true, quintiles.settings, &quintiles, "refreshed", actor);
    return true;
}

std::optional<Moment> RfmDue() {
    const pg::Result rows = pg::Execute(
        "SELECT at FROM pulse.rfm_version WHERE version = (SELECT max(version) FROM pulse.rfm_version)"
        " AND enabled AND cuts = 'quintiles'",
        {}, true);
    return rows.empty() ? std::nullopt : std::optional(rows[0].Time(0) + kBetweenRefreshes);
}

}  // namespace pulse::insight
