#include <gtest/gtest.h>

#include "diagnosis_testing.hpp"

namespace pulse::diagnosis {
namespace {

void Alike(DiagnosisInput& input) {
    const auto split = [](int64_t size) {
        return std::vector<snapshot::Distribution>{
            Values("plan", {{"free", size * 6 / 10}, {"pro", size * 4 / 10}})};
    };
    input.before->attributes = split(input.before->size);
    input.after->attributes = split(input.after->size);
}

TEST(DiagnosisSizeTrend, UniformLoss) {
    DiagnosisInput input = MakeCase(10'000, 5'800);
    Alike(input);
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kUniformLoss);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence,
                     "A real fall of 42 %: every value of every attribute changed alike."));
    EXPECT_EQ(found.what_changed[0],
              "The segment has 5,800 people on 2024-09-01, after 10,000 on 2024-08-31: 4,200 fewer (-42 %).");
}

TEST(DiagnosisSizeTrend, UniformGrowth) {
    DiagnosisInput input = MakeCase(10'000, 15'000);
    Alike(input);
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kUniformGrowth);
}

// Twenty days with `came` entries and `left` exits each.
void Slowly(DiagnosisInput& input, int64_t came, int64_t left) {
    input.history.pop_back();
    for (int day = 10; day < 30; ++day)
        input.history.push_back(
            {kDayOne + day * kDay, input.history.back().size + came - left, {}, {}, came, left});
    input.after = MakeSnapshot(input.history.back().size, input.history.back().at);
    Alike(input);
}

TEST(DiagnosisSizeTrend, EntriesStopped) {
    DiagnosisInput input = MakeCase(10'000, 0);
    Slowly(input, 5, 200);
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kEntriesStopped);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "5 instead of 200 enter"));
}

TEST(DiagnosisSizeTrend, GradualErosion) {
    DiagnosisInput input = MakeCase(10'000, 0, "slow_erosion");
    Slowly(input, 200, 350);
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kGradualErosion);
    EXPECT_TRUE(Says(found.since, "the change was gradual, over 20 snapshots"));
}

TEST(DiagnosisSizeTrend, ExitsSurgedAtEqualSize) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "membership_churn");
    Alike(input);
    input.history.back().entered = input.history.back().exited = 4'500;
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kExitsSurged);
}

TEST(DiagnosisSizeTrend, AllMembersReplacedMeansAnotherKey) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "membership_churn");
    Alike(input);
    input.history.back().entered = input.history.back().exited = 10'000;
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kIdentityChanged);
}

TEST(DiagnosisRates, ConversionFellInEveryGroup) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "conversion_anomaly");
    Alike(input);
    input.before->converted = 1500;
    input.after->converted = 1000;
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kConversionRateFall);
    EXPECT_TRUE(
        Says(found.hypotheses[0].sentence, "Conversion went from 15 % (1,500 people) to 10 % (1,000)"));
    input.after->converted = 0;
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kConversionTrackingLost);
    input.after->converted = 2300;
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kConversionRateRise);
}

TEST(DiagnosisRates, ConversionFellWithTheMix) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "conversion_anomaly");
    input.before->attributes = {Values("channel", {{"mail", 5000}, {"ads", 5000}})};
    input.after->attributes = {Values("channel", {{"mail", 2000}, {"ads", 8000}})};
    input.before->converted = 1500;
    input.after->converted = 1050;
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kMixShift);
}

TEST(DiagnosisRates, WentQuiet) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "inactivity_creep");
    Alike(input);
    input.before->inactive = 1000;
    input.after->inactive = 3000;
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kWentQuiet);
}

TEST(DiagnosisRates, ExpectedRangeIsOutdated) {
    DiagnosisInput input = MakeCase(10'000, 10'020, "expected_range", "size");
    Alike(input);
    input.expectations = {{"expectedSize", {{"min", 12'000}}}, {"monitoringEnabled", true}};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kExpectationOutdated);
    const auto advice = Advice(found, "\"expectedSize\":{\"max\":12024.0,\"min\":8016.0}");
    ASSERT_TRUE(advice);
    EXPECT_TRUE(Says(advice->sql, "\"monitoringEnabled\":true")) << "the rest of the baseline must stay";
}

TEST(DiagnosisMeasurement, Failed) {
    DiagnosisInput input = MakeCase(10'000, 10'000);
    input.after->failed = true;
    input.after->error_state = "57014";
    input.after->error = "canceling statement due to statement timeout";
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kMeasurementFailed);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "longer than allowed"));
    EXPECT_TRUE(Advice(found, "pulse_take_snapshot('High-Value Users')"));
}

TEST(DiagnosisMeasurement, ColumnDroppedOrRetyped) {
    DiagnosisInput input = MakeCase(10'000, 10'000);
    input.after->failed = true;
    input.after->error_state = "42703";
    input.after->error = "column \"ltv\" does not exist";
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kSchemaChange);

    input = MakeCase(10'000, 10'000, "schema_change");
    Alike(input);
    input.before->columns = {{"ltv", "numeric"}, {"plan", "text"}};
    input.after->columns = {{"ltv", "text"}, {"plan", "text"}};
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kSchemaChange);
    EXPECT_TRUE(Says(Diagnose(input).hypotheses[0].sentence, "column ltv changed from numeric to text"));
    input.after->columns = {{"lifetime_value", "numeric"}, {"plan", "text"}};
    EXPECT_TRUE(Says(Diagnose(input).hypotheses[0].sentence, "column ltv is now called lifetime_value"));
}

// The column of an attribute is gone, so the newest snapshot lacks it.
DiagnosisInput Partial(const std::string& detector) {
    DiagnosisInput input = MakeCase(9000, detector == "size_change" ? 5000 : 9000, detector);
    input.definition["attributes"] = {{{"name", "plan"}}, {{"name", "country"}}};
    input.before->columns = {{"ltv", "numeric"}, {"plan", "text"}, {"country", "text"}};
    input.after->columns = {{"ltv", "numeric"}, {"country", "text"}};
    input.before->attributes = {Values("plan", {{"pro", input.before->size}}),
                                Values("country", {{"DE", input.before->size}})};
    input.after->attributes = {Values("country", {{"DE", input.after->size}})};
    input.after->missing = {"attribute plan"};
    return input;
}

TEST(DiagnosisMeasurement, APartialSnapshotNamesWhatIsMissing) {
    const Diagnosis gone = Diagnose(Partial("schema_change"));
    EXPECT_EQ(gone.hypotheses[0].cause, Cause::kSchemaChange);
    EXPECT_TRUE(Says(gone.hypotheses[0].sentence,
                     "column plan is gone. The segment is measured without attribute plan."));
    EXPECT_EQ(
        gone.recommendations[0].sql,
        "SELECT pulse_update_segment('High-Value Users', definition => "
        "$json${\"attributes\":[{\"name\":\"country\"}],\"from\":\"app.users\",\"key\":\"user_id\",\"where\":\"ltv > "
        "1000\"}$json$);");

    DiagnosisInput input = Partial("schema_change");
    input.after->columns["plan_name"] = "text";
    const Diagnosis renamed = Diagnose(input);
    EXPECT_TRUE(Says(renamed.hypotheses[0].sentence, "column plan is now called plan_name"));
    EXPECT_TRUE(Says(renamed.recommendations[0].sql, "{\"name\":\"plan_name\"}"));

    // A critical attribute goes with its name, or goes.
    input.expectations = {{"criticalAttributes", {"plan", "country"}}};
    EXPECT_TRUE(Says(Diagnose(input).recommendations[0].sql,
                     "baseline => $json${\"criticalAttributes\":[\"plan_name\",\"country\"]}$json$"));
    input.after->columns.erase("plan_name");
    EXPECT_TRUE(Says(Diagnose(input).recommendations[0].sql,
                     "baseline => $json${\"criticalAttributes\":[\"country\"]}$json$"));

    // Later another column came: what is missing is the incident's matter, and the columns are those of
    // today.
    input.columns_at_onset = {{"ltv", "numeric"}, {"plan", "text"}, {"country", "text"}, {"city", "text"}};
    EXPECT_TRUE(Says(Diagnose(input).hypotheses[0].sentence, "column plan is gone"));
    input.after->columns = input.before->columns;
    input.after->missing.clear();
    EXPECT_TRUE(Says(Diagnose(input).hypotheses[0].sentence, "are now as before"));

    // Members do not leave because a column that no rule reads is gone.
    EXPECT_EQ(Diagnose(Partial("size_change")).hypotheses[0].cause, Cause::kUniformLoss);
}

TEST(DiagnosisMeasurement, ConversionOfAColumnThatIsGone) {
    DiagnosisInput input = Partial("schema_change");
    input.definition["converted"] = "plan = \"pro\"";
    input.definition["last_active"] = "plan";
    input.after->missing = {"attribute plan", "converted", "last_active"};
    const Diagnosis found = Diagnose(input);
    EXPECT_TRUE(
        Says(found.recommendations[0].action, "take attribute plan, converted and last_active out of"));
    for (const char* part : {"converted", "last_active", "plan\""})
        EXPECT_FALSE(Says(found.recommendations[0].sql, part)) << found.recommendations[0].sql;
}

TEST(DiagnosisMeasurement, SaysWhatThereWasNoTimeToAsk) {
    DiagnosisInput input = MakeCase(9000, 5000);
    input.not_asked = {"how many members have the values of plan and country together"};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(ToJson(found)["not_asked"].size(), 1u);
    const std::vector<std::string> lines = ToText(found, 200);
    EXPECT_EQ(std::count(lines.begin(), lines.end(),
                         "  Not asked, as the time for questions was up: how many members have the values of "
                         "plan and country together."),
              1);
}

TEST(DiagnosisMeasurement, WhatCameLaterIsNoCause) {
    DiagnosisInput input = MakeCase(9000, 5000);
    Alike(input);
    input.before->columns = input.columns_at_onset = {{"ltv", "numeric"}, {"plan", "text"}};
    input.after->columns = {{"ltv", "text"}, {"plan", "text"}};
    input.failed = MakeSnapshot(0, input.since + 3 * kDay);
    input.failed->failed = true;
    input.failed->error_state = "42703";
    input.failed->error = "column \"ltv\" does not exist";
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kUniformLoss);
    EXPECT_FALSE(Find(found, Cause::kSchemaChange) || Find(found, Cause::kMeasurementFailed));
    EXPECT_TRUE(Says(found.what_changed[1], "The newest measurement, of 2024-09-04, failed: column"));
}

TEST(DiagnosisMeasurement, EmptyTable) {
    DiagnosisInput input = MakeCase(10'000, 0);
    input.after->clause_rows = 0;
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kSourceEmptied);
    EXPECT_TRUE(Advice(found, "SELECT count(*) FROM app.users AS s"));
}

TEST(DiagnosisAdvice, ArchivesWhatNobodyNeeds) {
    DiagnosisInput input = MakeCase(10'000, 0);
    input.after->clause_rows = 50'000;
    EXPECT_FALSE(Advice(Diagnose(input), "pulse_archive_segment"));
    input.unused_since = input.since - 100 * kDay;
    const auto advice = Advice(Diagnose(input), "pulse_archive_segment('High-Value Users')");
    ASSERT_TRUE(advice);
    EXPECT_EQ(advice->priority, "low");
    EXPECT_EQ(advice->reason,
              "It has no people. No flag, trait, other segment, route, subscription or consumer uses it, and "
              "nobody has changed it or handled one of its incidents since 2024-05-24. Queries that read it "
              "are not recorded.");
    // What a fault emptied comes back with its repair.
    input.after->clause_rows = 0;
    EXPECT_FALSE(Advice(Diagnose(input), "pulse_archive_segment"));
    DiagnosisInput renamed = MakeCase(10'000, 0);
    renamed.unused_since = input.unused_since;
    renamed.before->clause_rows = renamed.after->clause_rows = 50'000;
    renamed.clause_values = {{"plan = \"gold\"", "plan", {{"Gold", 10'000}}}};
    renamed.before->clauses = {{"plan = \"gold\"", 10'000, 300}};
    renamed.after->clauses = {{"plan = \"gold\"", 0, 10'300}};
    EXPECT_EQ(Diagnose(renamed).hypotheses[0].cause, Cause::kValueRenamed);
    EXPECT_FALSE(Advice(Diagnose(renamed), "pulse_archive_segment"));
}

// Daily snapshots differ in their dates, others in their times.
TEST(DiagnosisText, TimesOfDayWhereDatesDoNotTell) {
    DiagnosisInput input = MakeCase(10'000, 5'800);
    EXPECT_TRUE(Says(Diagnose(input).what_changed[0], "people on 2024-09-01, after 10,000 on 2024-08-31:"));
    input.cadence = kHour;
    input.before->taken_at = input.since - kHour;
    const Diagnosis hourly = Diagnose(input);
    EXPECT_TRUE(Says(hourly.what_changed[0],
                     "people on 2024-09-01 00:00 UTC, after 10,000 on 2024-08-31 23:00 UTC:"));
    EXPECT_TRUE(Says(hourly.since, "Seen since 2024-09-01 00:00 UTC"));
    input.cadence = kDay;
    input.before->taken_at = input.since + 2 * kMinute;
    EXPECT_TRUE(Says(Diagnose(input).what_changed[0], "after 10,000 on 2024-09-01 00:02 UTC:"));
}

TEST(DiagnosisText, CallsMembersByTheirWord) {
    DiagnosisInput input = MakeCase(10'000, 5'800);
    input.words = segment::MakeMemberWords(false, "trips");
    EXPECT_TRUE(Says(Diagnose(input).what_changed[0], "The segment has 5,800 trips on"));
    input.words = {};
    input.before->attributes = {Values("plan", {{"free", 4'200}, {"team", 5'800}})};
    input.after->attributes = {Values("plan", {{"team", 5'800}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_TRUE(Says(found.what_changed[0], "The segment has 5,800 members on"));
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "No members with plan = free are left"))
        << found.hypotheses[0].sentence;
    EXPECT_TRUE(Says(found.recommendations[0].sql, "count(*) AS rows"));
    EXPECT_TRUE(Says(found.recommendations[0].action, "whether these rows are really gone"));
}

DiagnosisInput Lost(int64_t android) {
    DiagnosisInput input = MakeCase(4000 + android, 4000);
    input.before->attributes = {Values("platform", {{"ios", 4000}, {"android", android}})};
    input.after->attributes = {Values("platform", {{"ios", 4000}})};
    return input;
}

TEST(DiagnosisCorrelatedIncidents, OneCauseForSeveralSegments) {
    DiagnosisInput input = Lost(3000);
    const DiagnosisInput other = Lost(2000), third = Lost(5000);
    input.correlated = {
        {21, "Trial Users", "app.users", "size_change", "", "down", *other.before, *other.after},
        {22, "Mobile Users", "app.users", "size_change", "", "down", *third.before, *third.after}};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kSharedUpstream);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence,
                     "One cause upstream hit 3 segments at once (this one, Mobile Users and Trial Users): "
                     "the loss of platform = android."));
    EXPECT_EQ(found.related, (std::vector<int64_t>{21, 22}));
}

// Segments over one table that lack the same column, or fail for it.
TEST(DiagnosisCorrelatedIncidents, ColumnsOfOneTableAreOneCause) {
    DiagnosisInput input = Partial("schema_change");
    const DiagnosisInput other = Partial("schema_change");
    input.correlated = {
        {21, "Trial Users", "app.users", "schema_change", "", "changed", *other.before, *other.after}};
    EXPECT_EQ(Diagnose(input).related, std::vector<int64_t>{21});
    EXPECT_EQ(Diagnose(input).shared_cause, "columns of table app.users");
    // The table of that name on a server is another one.
    input.correlated[0].server = "crm";
    EXPECT_TRUE(Diagnose(input).related.empty());
    input.server = "crm";
    EXPECT_EQ(Diagnose(input).shared_cause, "columns of table app.users of server crm");
}

TEST(DiagnosisCorrelatedIncidents, ConversionsThatAreNoLongerCounted) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "conversion_anomaly");
    input.before->converted = 1000;
    input.after->converted = 2;
    input.baseline = 0.1;
    input.observed = 0.0002;
    ASSERT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kConversionTrackingLost);
    input.correlated = {
        {21, "Trial Users", "app.users", "conversion_anomaly", "", "down", *input.before, *input.after}};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.shared_cause, "table app.users");
    EXPECT_EQ(found.related, std::vector<int64_t>{21});
    input.correlated[0].relation = "app.others";
    EXPECT_TRUE(Diagnose(input).related.empty());
    input.correlated[0].relation = "app.users";
    input.correlated[0].after.converted = 900;
    EXPECT_TRUE(Diagnose(input).related.empty());
}

// Whom a rule turned away is no loss of the table.
TEST(DiagnosisCorrelatedIncidents, ALossOfTheTableIsNotThatOfARule) {
    DiagnosisInput input = MakeCase(9000, 5000);
    Alike(input);
    DiagnosisInput other = MakeCase(6000, 3400);
    other.before->clauses = {{"plan = \"pro\"", 6000, 100}};
    other.after->clauses = {{"plan = \"pro\"", 3400, 100}};
    input.correlated = {
        {21, "Trial Users", "app.users", "size_change", "", "down", *other.before, *other.after}};
    EXPECT_EQ(Diagnose(input).related, std::vector<int64_t>{21});
    input.correlated[0].after.clauses[0].missed_only = 2700;
    EXPECT_TRUE(Diagnose(input).related.empty());
}

TEST(DiagnosisServer, OneOfSeveralServersFell) {
    DiagnosisInput input = MakeCase(9000, 7000);
    input.direction = "down";
    input.server = "shard_1, shard_2, shard_3";
    const auto with = [&](std::map<std::string, int64_t> before, std::map<std::string, int64_t> after) {
        input.before->sizes_by_server = std::move(before);
        input.after->sizes_by_server = std::move(after);
        return Diagnose(input);
    };
    const Diagnosis found = with({{"shard_1", 3000}, {"shard_2", 3000}, {"shard_3", 3000}},
                                 {{"shard_1", 3010}, {"shard_2", 1000}, {"shard_3", 2990}});
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kServerTrouble);
    EXPECT_EQ(found.hypotheses[0].subject.server, "shard_2");
    EXPECT_GT(found.hypotheses[0].confidence, 0.85);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "Only shard_2 fell: 3,000 → 1,000 "));
    EXPECT_TRUE(Says(found.recommendations[0].sql, "pulse_test_source('shard_2')"));
    const auto blamed = [](const Diagnosis& diagnosis) {
        return std::any_of(diagnosis.hypotheses.begin(), diagnosis.hypotheses.end(),
                           [](const Hypothesis& one) { return one.cause == Cause::kServerTrouble; });
    };
    // All fell alike; or the servers are not the same; or one grew while the segment fell.
    EXPECT_FALSE(
        blamed(with({{"shard_1", 4500}, {"shard_2", 4500}}, {{"shard_1", 3500}, {"shard_2", 3500}})));
    EXPECT_FALSE(blamed(with({{"shard_1", 8000}, {"shard_2", 1000}}, {{"shard_1", 6200}, {"shard_2", 800}})));
    EXPECT_FALSE(
        blamed(with({{"shard_1", 4500}, {"shard_2", 4500}}, {{"shard_1", 4500}, {"shard_3", 2500}})));
    EXPECT_FALSE(blamed(with({}, {})));
    input = MakeCase(9000, 12000);
    input.direction = "up";
    const Diagnosis grown =
        with({{"shard_1", 4500}, {"shard_2", 4500}}, {{"shard_1", 4500}, {"shard_2", 7500}});
    EXPECT_TRUE(blamed(grown));
}

TEST(DiagnosisServer, SegmentsOfSeveralTablesFellTogether) {
    DiagnosisInput input = MakeCase(9000, 5000);
    Alike(input);
    input.direction = "down";
    input.server = "crm";
    const auto with = [&](ServerCounts here, ServerCounts elsewhere, int64_t relations) {
        input.on_server = ServerIncidents{here, elsewhere, relations, {{21, "Trial Users"}, {22, "Orders"}}};
        return Diagnose(input);
    };
    const Diagnosis found = with({4, 3}, {20, 0}, 2);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kServerTrouble);
    EXPECT_TRUE(
        Says(found.hypotheses[0].sentence,
             "3 of 4 segments of server crm fell or failed at the same time (this one, Trial Users and "
             "Orders), over several of its tables; elsewhere 0 of 20."));
    EXPECT_EQ(found.shared_cause, "server crm");
    EXPECT_EQ(found.related, (std::vector<int64_t>{21, 22}));
    EXPECT_TRUE(Advice(found, "pulse_test_source('crm')"));
    EXPECT_TRUE(with({4, 3}, {20, 15}, 2).related.empty());  // the others fell, too
    EXPECT_TRUE(with({40, 3}, {20, 0}, 2).related.empty());  // few of the server's
    EXPECT_TRUE(with({4, 3}, {20, 0}, 1).related.empty());   // one table is the nearer cause
    EXPECT_TRUE(with({2, 2}, {1, 0}, 2).related.empty());    // too few to tell
    EXPECT_EQ(with({6, 6}, {0, 0}, 3).shared_cause, "server crm");
    input.detector = "conversion_anomaly";
    EXPECT_TRUE(with({4, 3}, {20, 0}, 2).related.empty());
}

TEST(DiagnosisTableTrouble, OnlyWhatExplainsTheSegment) {
    DiagnosisInput input = MakeCase(9000, 5000);
    Alike(input);
    const auto with = [&](const std::string& detector, const std::string& column, Moment since) {
        input.tables = {{31, "app.users", detector, column, "down", "a check fails", since}};
        return Diagnose(input);
    };
    const Moment after = input.since - kHour, long_ago = input.since - 5 * kDay;
    const Diagnosis nulls = with("table_null_rate", "ltv", after);
    EXPECT_EQ(nulls.hypotheses[0].cause, Cause::kTableTrouble);
    EXPECT_EQ(nulls.shared_cause, "table app.users");
    EXPECT_EQ(nulls.related, std::vector<int64_t>{31});
    EXPECT_TRUE(Advice(nulls, "pulse_explain_incident(31)"));
    EXPECT_TRUE(with("table_null_rate", "nickname", after).related.empty());  // the rule does not read it
    EXPECT_TRUE(with("table_null_rate", "ltv", long_ago).related.empty());    // it was so before, too
    EXPECT_TRUE(with("table_schema", "", long_ago).related.empty());
    EXPECT_FALSE(with("table_schema", "", after).related.empty());
    EXPECT_FALSE(with("table_freshness", "", long_ago).related.empty());  // lacks more rows every day
    input.definition["where"] = "nickname = \"x\"";
    EXPECT_FALSE(with("table_unique", "ltv, nickname", after).related.empty());
    // The later incident explains it, the earlier one does not.
    input.tables = {{31, "app.users", "table_null_rate", "ltv", "up", "a", long_ago},
                    {32, "app.users", "table_volume", "", "down", "b", after}};
    EXPECT_EQ(Diagnose(input).related, std::vector<int64_t>{32});
}

TEST(DiagnosisCorrelatedIncidents, AnUnrelatedChangeIsNotCorrelated) {
    DiagnosisInput input = Lost(3000);
    DiagnosisInput other = MakeCase(5000, 8000);
    other.before->attributes = {Values("platform", {{"ios", 4000}, {"android", 1000}})};
    other.after->attributes = {Values("platform", {{"ios", 4000}, {"android", 4000}})};
    input.correlated = {
        {21, "Trial Users", "app.users", "size_change", "", "up", *other.before, *other.after}};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueVanished);
    EXPECT_TRUE(found.related.empty());
}

}  // namespace
}  // namespace pulse::diagnosis
