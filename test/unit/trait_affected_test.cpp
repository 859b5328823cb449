// The metrics and segments that a change of a person affects.
#include <gtest/gtest.h>

#include "pulse/trait/affected.hpp"

namespace pulse::trait {
namespace {

using Indexes = std::vector<size_t>;

constexpr Moment kNow = 1000 * kDay;
constexpr int64_t kPerson = 50;

// Metrics 10, 11 (of purchase; 11 has a window of 30 days), 12 (of login, always read), 13 (of any event).
// Versions 100 (purchases), 101 (logins and profile.plan), 102 (account.tier), 103 (any event, profile.plan),
// 104 (a metric that cannot be stored).
DefinitionIndex Definitions() {
    return DefinitionIndex({{10, {std::nullopt, 40}, true, 0, std::nullopt},
                            {11, {std::nullopt, 40}, true, 30 * kDay, std::nullopt},
                            {12, {std::nullopt, 40}, false, 0, std::nullopt},
                            {13, {std::nullopt, 45}, true, 0, std::nullopt}},
                           {{{"purchase"}, {0, 1}}, {{"login"}, {2}}, {{}, {3}}},
                           {{100, {std::nullopt, 30}, {0, 1}, {}, false},
                            {101, {std::nullopt, 30}, {2}, {"plan"}, false},
                            {102, {std::nullopt, 30}, {}, {}, true},
                            {103, {std::nullopt, 30}, {3}, {"plan"}, false},
                            {104, {std::nullopt, 30}, {kNotStored}, {"plan"}, false}});
}

Batch Idle(bool incremental = false) {
    Batch batch;
    batch.progress.metrics.resize(4);
    batch.progress.versions.resize(5);
    batch.incremental = incremental;
    return batch;
}

StoredSummary Evaluated(int64_t profile = kPerson) {
    StoredSummary stored;
    stored.profile = profile;
    stored.as_of = kNow - kDay;
    stored.at = kNow;
    return stored;
}

ProfileChange OfEvents(std::vector<std::string> events) {
    ProfileChange change;
    change.profile = kPerson;
    change.events = std::move(events);
    return change;
}

ProfileChange OfAttribute(const std::string& key) {
    ProfileChange change;
    change.profile = kPerson;
    change.attributes = {key};
    return change;
}

ProfileChange Everything() {
    ProfileChange change;
    change.profile = kPerson;
    change.everything = true;
    return change;
}

TEST(TraitAffected, AnEventAffectsTheMetricsOfItsNameAndThoseOfAnyEvent) {
    const DefinitionIndex index = Definitions();
    const Affected purchase = FindAffected(index, Idle(), OfEvents({"purchase"}), Evaluated());
    EXPECT_TRUE(purchase.any);
    EXPECT_EQ(purchase.read, (Indexes{0, 2}));
    EXPECT_EQ(purchase.move, Indexes{});
    EXPECT_EQ(purchase.versions, (Indexes{0, 3}));
    EXPECT_STREQ(purchase.cause, "event");
    const Affected both = FindAffected(index, Idle(), OfEvents({"purchase", "login"}), Evaluated());
    EXPECT_EQ(both.read, (Indexes{0, 1, 2}));
    EXPECT_EQ(both.versions, (Indexes{0, 1, 3}));
    const Affected other = FindAffected(index, Idle(), OfEvents({"view"}), Evaluated());
    EXPECT_EQ(other.read, Indexes{2});
    EXPECT_EQ(other.versions, Indexes{3});
}

TEST(TraitAffected, WithoutAMetricOfAnyEventOtherNamesAffectNothing) {
    const DefinitionIndex index({{10, {std::nullopt, 0}, true, 0, std::nullopt}}, {{{"purchase"}, {0}}},
                                {{100, {std::nullopt, 0}, {0}, {}, false}});
    Batch batch;
    batch.progress.metrics.resize(1);
    batch.progress.versions.resize(1);
    const Affected view = FindAffected(index, batch, OfEvents({"view"}), Evaluated());
    EXPECT_FALSE(view.any);
    EXPECT_EQ(view.read, Indexes{});
    EXPECT_FALSE(Affects(index, OfEvents({"view"})));
    EXPECT_TRUE(Affects(index, OfEvents({"view", "purchase"})));
    EXPECT_FALSE(Affects(index, OfAttribute("plan")));
    EXPECT_TRUE(Affects(index, Everything()));
}

TEST(TraitAffected, AnAttributeEvaluatesItsVersionsWithoutReadingEvents) {
    const DefinitionIndex index = Definitions();
    const Affected plan = FindAffected(index, Idle(true), OfAttribute("plan"), Evaluated());
    EXPECT_EQ(plan.read, Indexes{});
    EXPECT_EQ(plan.versions, (Indexes{1, 3})) << "104 is not stored";
    EXPECT_STREQ(plan.cause, "attributes");
    EXPECT_FALSE(FindAffected(index, Idle(), OfAttribute("color"), Evaluated()).any);
}

TEST(TraitAffected, AnAccountEvaluatesWhatReadsIt) {
    const DefinitionIndex index = Definitions();
    ProfileChange change;
    change.profile = kPerson;
    change.account = true;
    const Affected account = FindAffected(index, Idle(), change, Evaluated());
    EXPECT_EQ(account.read, Indexes{});
    EXPECT_EQ(account.versions, Indexes{2});
    EXPECT_STREQ(account.cause, "account");
    EXPECT_TRUE(Affects(index, change));
    change.attributes = {"plan"};
    EXPECT_STREQ(FindAffected(index, Idle(), change, Evaluated()).cause, "attributes");
    change.events = {"login"};
    EXPECT_STREQ(FindAffected(index, Idle(), change, Evaluated()).cause, "event");
}

TEST(TraitAffected, AMergeReadsAndEvaluatesEverything) {
    const DefinitionIndex index = Definitions();
    const std::vector<profile::NewEvent> none;
    ProfileChange change = Everything();
    change.happened = &none;
    const Affected merge = FindAffected(index, Idle(true), change, Evaluated());
    EXPECT_EQ(merge.read, (Indexes{0, 1, 2}));
    EXPECT_EQ(merge.move, Indexes{}) << "the events of the other profile are not in the state";
    EXPECT_EQ(merge.versions, (Indexes{0, 1, 2, 3}));
    EXPECT_STREQ(merge.cause, "time");
    // Also for a person created after the definitions, who has no state yet.
    StoredSummary stored = Evaluated(60);
    stored.as_of.reset();
    EXPECT_FALSE(IsNew(index, Idle(), change, stored));
    EXPECT_EQ(FindAffected(index, Idle(), change, stored).read, (Indexes{0, 1, 2}));
}

TEST(TraitAffected, QueuedChangesOfMergedProfilesAddUp) {
    ProfileChange change = OfEvents({"purchase"});
    ProfileChange more = OfEvents({"login", "purchase"});
    more.attributes = {"plan"};
    more.account = true;
    MergeInto(change, more);
    EXPECT_EQ(change.events, (std::vector<std::string>{"purchase", "login"}));
    EXPECT_EQ(change.attributes, std::vector<std::string>{"plan"});
    EXPECT_TRUE(change.account);
    EXPECT_FALSE(change.everything);
    MergeInto(change, Everything());
    EXPECT_TRUE(change.everything);
    AddName(change.events, "");
    EXPECT_EQ(change.events.size(), 2u);
}

TEST(TraitAffected, ExpiredValuesAreReadAndEvaluatedAgain) {
    struct Stored {
        int64_t number;
        Moment until;
    };
    EXPECT_EQ(ExpiredIds(std::vector<Stored>{{10, kNow + 1}, {11, kNow}, {12, kNow - 1}}, kNow),
              (std::vector<int64_t>{11, 12}));
    const DefinitionIndex index = Definitions();
    StoredSummary stored = Evaluated();
    stored.next_change_at = kNow;
    stored.expired_metrics = {11, 99};  // 99 is no longer defined
    stored.expired_versions = {101, 999};
    ProfileChange nothing;
    nothing.profile = kPerson;
    const Affected due = FindAffected(index, Idle(true), nothing, stored);
    EXPECT_TRUE(due.any);
    EXPECT_EQ(due.read, Indexes{0});
    EXPECT_EQ(due.versions, (Indexes{0, 1}));
    EXPECT_STREQ(due.cause, "time");
    // Nothing is due before next_change_at.
    stored.next_change_at = kNow + 1;
    EXPECT_FALSE(FindAffected(index, Idle(), nothing, stored).any);
    stored.next_change_at.reset();
    EXPECT_FALSE(FindAffected(index, Idle(), nothing, stored).any);
    // Expired metrics are read together with the affected ones.
    const Affected login = FindAffected(index, Idle(), OfEvents({"login"}), stored);
    EXPECT_EQ(login.read, (Indexes{0, 1, 2}));
}

TEST(TraitAffected, NewEventsUpdateValidMetrics) {
    const DefinitionIndex index = Definitions();
    const std::vector<profile::NewEvent> happened = {{"purchase", kNow, nullptr}};
    ProfileChange change = OfEvents({"purchase"});
    change.happened = &happened;
    const Affected moved = FindAffected(index, Idle(true), change, Evaluated());
    EXPECT_EQ(moved.read, Indexes{});
    EXPECT_EQ(moved.move, (Indexes{0, 2}));
    EXPECT_EQ(moved.versions, (Indexes{0, 3})) << "what is moved is evaluated, too";
    // Not while other changes are queued, nor without the events themselves.
    EXPECT_EQ(FindAffected(index, Idle(false), change, Evaluated()).read, (Indexes{0, 2}));
    EXPECT_EQ(FindAffected(index, Idle(true), OfEvents({"purchase"}), Evaluated()).read, (Indexes{0, 2}));
    // Not in a group with an expired value.
    StoredSummary stored = Evaluated();
    stored.expired_metrics = {11};
    const Affected expired = FindAffected(index, Idle(true), change, stored);
    EXPECT_EQ(expired.read, Indexes{0});
    EXPECT_EQ(expired.move, Indexes{2});
    // Not a metric of another kind.
    change.events = {"login"};
    const Affected login = FindAffected(index, Idle(true), change, Evaluated());
    EXPECT_EQ(login.read, Indexes{1});
    EXPECT_EQ(login.move, Indexes{2});
}

TEST(TraitAffected, AStateFromTheFutureIsIgnored) {
    const DefinitionIndex index = Definitions();
    const std::vector<profile::NewEvent> happened = {{"purchase", kNow, nullptr}};
    ProfileChange change = OfEvents({"purchase"});
    change.happened = &happened;
    StoredSummary stored = Evaluated();
    stored.as_of = kNow + kDay;
    stored.from_future = true;
    const Affected affected = FindAffected(index, Idle(true), change, stored);
    EXPECT_EQ(affected.read, (Indexes{0, 1, 2}));
    EXPECT_EQ(affected.move, Indexes{});
    EXPECT_EQ(affected.versions, (Indexes{0, 1, 2, 3}));
}

TEST(TraitAffected, ValuesThatMayCountDroppedEventsAreReadAgain) {
    const auto with_loss = [](Moment before) {
        return DefinitionIndex(
            {{10, {std::nullopt, 0}, true, 0, before}, {11, {std::nullopt, 0}, true, 30 * kDay, before}},
            {{{"all"}, {0}}, {{"recent"}, {1}}}, {});
    };
    Batch batch;
    batch.progress.metrics.resize(2);
    batch.incremental = true;
    const std::vector<profile::NewEvent> happened = {{"all", kNow, nullptr}, {"recent", kNow, nullptr}};
    ProfileChange change = OfEvents({"all", "recent"});
    change.happened = &happened;
    const Affected old = FindAffected(with_loss(kNow - 30 * kDay), batch, change, Evaluated());
    EXPECT_EQ(old.read, Indexes{0}) << "a metric of all events may count what was dropped";
    EXPECT_EQ(old.move, Indexes{1}) << "a window that begins after the loss does not";
    const Affected inside = FindAffected(with_loss(kNow - 30 * kDay + 1), batch, change, Evaluated());
    EXPECT_EQ(inside.read, (Indexes{0, 1}));
}

TEST(TraitAffected, LateEventsCountOnlyInsideTheWindow) {
    EXPECT_EQ(FindPosition(kNow, kNow, 30 * kDay), EventPosition::kCounted);
    EXPECT_EQ(FindPosition(kNow - 30 * kDay + 1, kNow, 30 * kDay), EventPosition::kCounted);
    EXPECT_EQ(FindPosition(kNow - 30 * kDay, kNow, 30 * kDay), EventPosition::kTooOld);
    EXPECT_EQ(FindPosition(0, kNow, 0), EventPosition::kCounted) << "without a window every event counts";
    EXPECT_EQ(FindPosition(kNow + 1, kNow, 0), EventPosition::kInFuture);
    EXPECT_EQ(FindPosition(kNow + 1, kNow, 30 * kDay), EventPosition::kInFuture);
    // A late event affects the same metrics as a timely one.
    const DefinitionIndex index = Definitions();
    const std::vector<profile::NewEvent> late = {{"purchase", kNow - 400 * kDay, nullptr}};
    ProfileChange change = OfEvents({"purchase"});
    change.happened = &late;
    const Affected affected = FindAffected(index, Idle(true), change, Evaluated());
    EXPECT_EQ(affected.move, (Indexes{0, 2}));
    EXPECT_EQ(affected.versions, (Indexes{0, 3}));
}

TEST(TraitAffected, ANewPersonHasOnlyTheNewEvents) {
    const DefinitionIndex index = Definitions();
    EXPECT_EQ(index.last_profile_before_definitions(), 45);
    StoredSummary stored;
    stored.profile = 46;
    stored.at = kNow;
    stored.always = {2};
    const std::vector<profile::NewEvent> happened = {{"purchase", kNow, nullptr}};
    ProfileChange change = OfEvents({"purchase"});
    change.happened = &happened;
    EXPECT_TRUE(IsNew(index, Idle(), change, stored));
    const Affected affected = FindAffected(index, Idle(true), change, stored);
    EXPECT_EQ(affected.move, (Indexes{0, 2}));
    EXPECT_EQ(affected.versions, (Indexes{0, 2, 3})) << "and those that hold without any data";
    stored.attributes = {"plan"};
    EXPECT_EQ(FindAffected(index, Idle(true), change, stored).versions, (Indexes{0, 1, 2, 3}));
    stored.always.clear();
    stored.account = true;
    stored.attributes.clear();
    EXPECT_EQ(FindAffected(index, Idle(true), change, stored).versions, (Indexes{0, 2, 3}));
    // A person created before the newest definition may have any events.
    stored.profile = 45;
    EXPECT_FALSE(IsNew(index, Idle(), change, stored));
    const Affected old = FindAffected(index, Idle(true), change, stored);
    EXPECT_EQ(old.read, (Indexes{0, 1, 2}));
    EXPECT_EQ(old.move, Indexes{});
}

TEST(TraitAffected, DefinitionsBeingBuiltAreNotEvaluated) {
    const DefinitionIndex index({{10, {0, 100}, true, 0, std::nullopt}}, {{{"purchase"}, {0}}},
                                {{100, {0, 100}, {0}, {"plan"}, false}});
    Batch batch;
    batch.progress.metrics = {20};
    batch.progress.versions = {20};
    EXPECT_EQ(FindAffected(index, batch, OfEvents({"purchase"}), Evaluated(50)).read, Indexes{});
    EXPECT_EQ(FindAffected(index, batch, OfEvents({"purchase"}), Evaluated(50)).versions, Indexes{});
    for (const int64_t covered : {20, 101}) {
        const Affected affected = FindAffected(index, batch, OfEvents({"purchase"}), Evaluated(covered));
        EXPECT_EQ(affected.read, Indexes{0}) << covered;
        EXPECT_EQ(affected.versions, Indexes{0}) << covered;
    }
    // The batch that builds them covers its own people.
    ProfileChange nothing;
    batch.build_to = 50;
    const Affected built = FindAffected(index, batch, nothing, Evaluated(50));
    EXPECT_EQ(built.read, Indexes{0});
    EXPECT_EQ(built.versions, Indexes{0});
    EXPECT_EQ(FindAffected(index, batch, nothing, Evaluated(51)).read, Indexes{});
}

}  // namespace
}  // namespace pulse::trait
