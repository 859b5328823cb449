// Plans of merges: the rules one by one, and random batches against the same claims one at a time.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "pulse/profile/identity_resolution.hpp"

namespace pulse::profile {
namespace {

std::vector<IdentityKind> Kinds(int emails = 2, int64_t email_window = 0) {
    const auto kind = [](const char* name, int priority, int most, int64_t window) {
        IdentityKind made;
        made.kind = name;
        made.priority = priority;
        made.max_values = most;
        made.window = window;
        return made;
    };
    return {kind("user_id", 100, 1, 0), kind("email", 80, emails, email_window),
            kind("anonymous_id", 10, 0, 0)};
}

// The contents of the tables; batches of claims are resolved against it one after the other.
struct World {
    std::vector<IdentityKind> kinds = Kinds();
    int max_linked = 20;
    struct Known {
        int64_t profile;
        Moment seen;
    };
    std::map<Identity, Known> ids;
    std::map<int64_t, int64_t> canonical;
    std::map<int64_t, Moment> first_seen;
    std::map<int64_t, std::string> bucketing;
    std::set<std::pair<int64_t, int64_t>> unmerged;
    int64_t next = 1;

    int Priority(const std::string& name) const {
        for (const IdentityKind& kind : kinds)
            if (kind.kind == name) return kind.priority;
        return 0;
    }
    ResolutionFacts Read() const {
        ResolutionFacts facts;
        for (const auto& [id, known] : ids) {
            const int64_t person = canonical.at(known.profile);
            facts.ids[id] = {known.profile, person};
            PersonFacts& its = facts.people[person];
            its.best = std::max(its.best, Priority(id.kind));
            its.seen[id.kind].push_back(known.seen);
        }
        std::map<int64_t, int> sizes;
        for (const auto& [profile, person] : canonical) ++sizes[person];
        for (const auto& [person, size] : sizes) {
            facts.people[person].profiles = size;
            facts.people[person].first_seen_at = first_seen.at(person);
        }
        facts.unmerged = unmerged;
        return facts;
    }
    ResolutionPlan Apply(std::vector<IdentityClaim>& claims) {
        const ResolutionPlan plan = PlanResolution(claims, Read(), kinds, max_linked);
        std::vector<int64_t> made;
        for (const auto& new_people : plan.new_people) {
            made.push_back(next);
            canonical[next] = next;
            first_seen[next] = new_people.first_seen_at;
            bucketing[next++] = new_people.bucketing_id;
        }
        const auto real = [&](int64_t id) { return id < 0 ? made[static_cast<size_t>(-id - 1)] : id; };
        for (const auto& identity : plan.new_identities)
            EXPECT_TRUE(ids.insert({identity.id, {real(identity.profile), identity.first_seen_at}}).second);
        for (const auto& merge : plan.merges)
            for (auto& [profile, person] : canonical)
                if (person == real(merge.merged)) person = real(merge.survivor);
        for (IdentityClaim& claim : claims) {
            claim.profile = real(claim.profile);
            claim.canonical = real(claim.canonical);
        }
        return plan;
    }
    IdentityClaim One(std::vector<Identity> ids_of, Moment time = 0,
                      std::optional<Identity> previous = std::nullopt) {
        std::vector<IdentityClaim> claims(1);
        claims[0].ids = std::move(ids_of);
        claims[0].time = time;
        claims[0].previous = std::move(previous);
        Apply(claims);
        return claims[0];
    }
    int64_t Person(const Identity& id) const { return canonical.at(ids.at(id).profile); }
};

const Identity kU1{"user_id", "u1"}, kU2{"user_id", "u2"}, kA1{"anonymous_id", "a1"},
    kA2{"anonymous_id", "a2"}, kE1{"email", "e1"}, kE2{"email", "e2"}, kE3{"email", "e3"};

TEST(ProfileResolve, CreatesAttachesMerges) {
    World world;
    const IdentityClaim first = world.One({kA1}, 5);
    EXPECT_TRUE(first.created);
    EXPECT_EQ(world.bucketing[first.profile], "a1");
    const IdentityClaim login = world.One({kA1, kU1}, 6);
    EXPECT_FALSE(login.created);
    EXPECT_EQ(login.canonical, first.canonical);
    const IdentityClaim other = world.One({kA2}, 1);
    EXPECT_NE(other.canonical, first.canonical);
    const IdentityClaim joined = world.One({kU1, kA2}, 7);
    EXPECT_EQ(joined.canonical, first.canonical);  // it has the user id, although it was seen later
    EXPECT_EQ(joined.profile, first.profile);
    EXPECT_EQ(world.One({kA2}, 8).canonical, first.canonical);
    EXPECT_EQ(world.One({kA2}, 8).profile, other.profile);  // events keep the profile of their id
    EXPECT_EQ(joined.note, "");
}

TEST(ProfileResolve, BucketingIdIsTheFirstIdAndOfSeveralTheUserIdThenTheAnonymousOne) {
    World world;
    EXPECT_EQ(world.bucketing[world.One({kA2, kU1, kA1}).profile], "u1");
    EXPECT_EQ(world.bucketing[world.One({kA1}).profile], "u1");
    World lead;
    EXPECT_EQ(lead.bucketing[lead.One({kE1, kA2}).profile], "a2");
    World visitor;
    EXPECT_EQ(visitor.bucketing[visitor.One({kA1}).profile], "a1");
    EXPECT_EQ(visitor.bucketing[visitor.One({kA1, kU1}).profile], "a1");
    EXPECT_EQ(world.bucketing[world.One({kE2, kU2}).profile], "u2");
}

TEST(ProfileResolve, TwoUsersWithOneAddressAreNotMerged) {
    World world;
    const IdentityClaim one = world.One({kU1, kE1});
    const IdentityClaim two = world.One({kU2, kE1, kA1});
    EXPECT_TRUE(two.created);
    EXPECT_NE(one.canonical, two.canonical);
    EXPECT_EQ(two.note, "email e1 stays with another person: user_id allows 1 value");
    EXPECT_EQ(world.Person(kE1), one.canonical);
    EXPECT_EQ(world.Person(kA1), two.canonical);  // fits with u2, so it is added
}

TEST(ProfileResolve, TooManyValuesAreNotAttached) {
    World world;
    world.One({kU1, kE1});
    world.One({kU1, kE2});
    const IdentityClaim third = world.One({kU1, kE3});
    EXPECT_EQ(third.note, "email e3 was not added: email allows 2 values");
    EXPECT_FALSE(world.ids.contains(kE3));
    EXPECT_EQ(third.canonical, world.Person(kU1));
    // The address that was not added creates a new person.
    EXPECT_TRUE(world.One({kE3, kA1}).created);
    const IdentityClaim both = world.One({{"user_id", "u9"}, kU1});
    EXPECT_EQ(both.note, "user_id u1 stays with another person: user_id allows 1 value");
}

TEST(ProfileResolve, OldValuesLeaveTheWindow) {
    World world;
    world.kinds = Kinds(1, 7 * kDay);
    world.One({kU1, kE1}, 0);
    EXPECT_EQ(world.One({kU1, kE2}, 7 * kDay - 1).note,
              "email e2 was not added: email allows 1 value in 7 days");
    EXPECT_EQ(world.One({kU1, kE2}, 7 * kDay).note, "");
}

TEST(ProfileResolve, Previous) {
    World world;
    const IdentityClaim anonymous = world.One({kA1});
    const IdentityClaim user = world.One({kU1});
    const IdentityClaim alias = world.One({kU1}, 3, kA1);
    EXPECT_EQ(alias.canonical, user.canonical);
    EXPECT_EQ(world.Person(kA1), user.canonical);
    EXPECT_EQ(world.ids.at(kA1).profile, anonymous.profile);
    EXPECT_EQ(world.One({kU2}, 4, kU1).note, "user_id u1 stays with another person: user_id allows 1 value");
    // A new previous id becomes an id of the person.
    world.One({kU2}, 4, kA2);
    EXPECT_EQ(world.Person(kA2), world.Person(kU2));
    // A previous id never decides the person of the event, even with higher priority.
    EXPECT_EQ(world.One({kA2}, 5, Identity{"user_id", "u5"}).canonical, world.Person(kU2));
}

TEST(ProfileResolve, SuperNode) {
    World world;
    world.max_linked = 3;
    for (int i = 0; i < 5; ++i) world.One({{"anonymous_id", "x" + std::to_string(i)}}, i);
    world.One({kU1}, 9);
    std::string last;
    for (int i = 0; i < 5; ++i) last = world.One({kU1, {"anonymous_id", "x" + std::to_string(i)}}, 9).note;
    EXPECT_EQ(last,
              "anonymous_id x4 stays with another person: together they would have 4 profiles, but "
              "pulse.max_linked is 3");
    EXPECT_EQ(std::count_if(world.canonical.begin(), world.canonical.end(),
                            [&](const auto& one) { return one.second == world.Person(kU1); }),
              3);
}

TEST(ProfileResolve, UndoneMergesStayUndone) {
    World world;
    const int64_t a = world.One({kA1}).canonical, u = world.One({kU1}).canonical;
    world.unmerged.insert({std::min(a, u), std::max(a, u)});
    const IdentityClaim claim = world.One({kU1, kA1});
    EXPECT_EQ(claim.canonical, u);
    EXPECT_EQ(claim.note, "anonymous_id a1 stays with another person: a merge of the two was undone");
    // Also through a third person.
    world.One({kA2, kA1});
    EXPECT_EQ(world.One({kU1, kA2}).note,
              "anonymous_id a2 stays with another person: a merge of the two was undone");
}

TEST(ProfileResolve, PeopleOverALimitDoNotGrow) {
    World world;
    world.One({kU1});
    world.One({kU2});
    world.canonical[world.ids.at(kU2).profile] = world.Person(kU1);
    EXPECT_EQ(world.One({kU1, kA1}).note, "");
    EXPECT_EQ(world.One({kU2, kE1}).note, "");
    EXPECT_EQ(world.One({kU2, {"user_id", "u3"}}).note, "user_id u3 was not added: user_id allows 1 value");
}

TEST(ProfileResolve, SurvivorIsTheSameInAnyOrder) {
    const std::vector<Identity> ids = {kA1, kA2, kE1, kU1};
    std::vector<size_t> order = {0, 1, 2, 3};
    do {
        World world;
        for (size_t i = 0; i < ids.size(); ++i) world.One({ids[i]}, static_cast<Moment>(10 - i));
        for (size_t i = 1; i < order.size(); ++i) world.One({ids[order[0]], ids[order[i]]}, 20);
        EXPECT_EQ(world.Person(kA1), world.ids.at(kU1).profile);
        EXPECT_EQ(world.Person(kE1), world.ids.at(kU1).profile);
    } while (std::next_permutation(order.begin(), order.end()));
}

// A batch gives the same result as its claims one by one; people keep the limits, and every event goes to the
// person of its first id.
TEST(ProfileResolve, RandomBatches) {
    std::mt19937 random(7);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    for (int round = 0; round < 400; ++round) {
        World batched, single;
        batched.max_linked = single.max_linked = 4 + pick(8);
        for (int batch = 0; batch < 6; ++batch) {
            std::vector<IdentityClaim> claims(static_cast<size_t>(1 + pick(12)));
            for (IdentityClaim& claim : claims) {
                claim.time = batch * 100 + pick(100);
                for (int i = pick(3); i >= 0; --i) {
                    const char* kind = i == 0 ? "user_id" : i == 1 ? "email" : "anonymous_id";
                    if (claim.ids.empty() || pick(2))
                        claim.ids.push_back({pick(5) ? kind : "anonymous_id", "v" + std::to_string(pick(9))});
                }
                if (pick(6) == 0) claim.previous = Identity{"anonymous_id", "v" + std::to_string(pick(9))};
            }
            std::vector<IdentityClaim> alone = claims;
            batched.Apply(claims);
            for (IdentityClaim& claim : alone) {
                std::vector<IdentityClaim> one = {claim};
                single.Apply(one);
                claim = one[0];
            }
            for (size_t i = 0; i < claims.size(); ++i) {
                EXPECT_EQ(claims[i].profile, alone[i].profile);
                EXPECT_EQ(claims[i].note, alone[i].note);
                EXPECT_EQ(claims[i].created, alone[i].created);
                EXPECT_EQ(claims[i].canonical, single.canonical.at(alone[i].profile));
            }
            EXPECT_EQ(batched.canonical, single.canonical);
            ASSERT_FALSE(HasFailure());
        }
        std::map<int64_t, std::map<std::string, int>> values;
        for (const auto& [id, known] : batched.ids) ++values[batched.canonical.at(known.profile)][id.kind];
        for (auto& [person, count] : values) {
            EXPECT_LE(count["user_id"], 1);
            EXPECT_LE(count["email"], 2);
        }
        for (const auto& [profile, person] : batched.canonical)
            EXPECT_EQ(batched.canonical.at(person), person);
    }
}

}  // namespace
}  // namespace pulse::profile
