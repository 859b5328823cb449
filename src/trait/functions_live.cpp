// SQL functions for memberships and traits of people, exact at any instant.
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/record.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/trait/store_problem.hpp"
#include "pulse/trait/store_read_ahead.hpp"

namespace pg = pulse::pg;

namespace pulse::trait {

namespace {

using pg::Value;

bool Holds(const Value& value) {
    return !value.null && DatumGetBool(value.datum);
}

// The recorded start of a membership; empty if it is not recorded yet.
std::optional<Moment> SinceOf(int64_t segment, int64_t profile) {
    static const pg::Probe probe("member", "member_pkey", {3});
    const auto row = probe.Find({Int64GetDatum(segment), Int64GetDatum(profile)});
    return row ? std::optional<Moment>(DatumGetTimestampTz((*row)[0].datum)) : std::nullopt;
}

// The current version of a segment. While a segment is built for the first time, it is the version being
// built, which may have to be evaluated from the events.
bool IsCurrent(const Program& program, const SegmentVersion& version) {
    return version.live || !program.LiveVersion(version.segment);
}

const SegmentVersion& RequireVersion(const Program& program, const std::string& name) {
    for (const SegmentVersion& version : program.versions)
        if (version.name == name && IsCurrent(program, version)) return version;
    RequireNoDraft(name);
    std::vector<std::string> names;
    for (const SegmentVersion& version : program.versions) names.push_back(version.name);
    throw UserError(sqlstate::kUndefinedObject, "there is no segment \"" + name + "\" over people", "",
                    names.empty() ? "There are no such segments yet; create one with pulse_create_segment()."
                                  : SuggestName(name, names, "Segments over people"));
}

const StoredTrait& RequireTrait(const Program& program, const std::string& key) {
    std::vector<std::string> keys;
    for (const StoredTrait& trait : program.traits) {
        if (trait.key == key) return trait;
        keys.push_back(trait.key);
    }
    throw UserError(sqlstate::kUndefinedObject, "trait \"" + key + "\" does not exist", "",
                    keys.empty() ? "There are no traits yet; create one with pulse_create_trait()."
                                 : SuggestName(key, keys, "Traits"));
}

struct TraitValue {
    Value value = Value::Null(JSONBOID);
    std::string problem;
};

// A trait that uses a missing definition has no value, either.
TraitValue ValueOf(Subject& subject, const Program& program, const StoredTrait& trait, int64_t person) {
    TraitValue result;
    result.problem = ProblemOf(person, true, [&] { result.value = subject.Json(program.RuleOf(trait)); });
    if (!result.problem.empty()) result.value = Value::Null(JSONBOID);
    result.value.type = JSONBOID;
    return result;
}

// A segment that cannot be evaluated for a person does not hold, as in the stored memberships.
bool IsMember(Subject& subject, const SegmentVersion& version, int64_t person) {
    bool holds = false;
    const std::string problem =
        ProblemOf(person, version.rule.rule().can_fail, [&] { holds = Holds(subject.Value(version.rule)); });
    return holds && problem.empty();
}

// Fields added to pulse_profile().
void AddTraitsAndSegments(int64_t canonical, std::vector<std::string>& objects) {
    const auto person = profile::FindPerson(canonical);
    if (!person) return;
    const Moment now = pg::Now();
    const std::shared_ptr<const Program> program = ProgramAt(now);
    Subject subject(*person, now, program);
    json::Value json_null;
    json_null.type = json::Type::kNull;
    std::vector<std::pair<const char*, Value>> traits;
    for (const StoredTrait& trait : program->traits) {
        const TraitValue result = ValueOf(subject, *program, trait, canonical);
        traits.emplace_back(trait.key.c_str(),
                            result.value.null ? Value{JSONBOID, pg::CutOut(json_null), false} : result.value);
    }
    std::vector<std::string> segments;
    const bool existed = profile::ExistedAt(*person, now);
    for (const SegmentVersion& version : program->versions) {
        if (!existed || !IsCurrent(*program, version)) continue;
        if (IsMember(subject, version, canonical)) segments.push_back(version.name);
    }
    static pg::Statement statement(
        "SELECT jsonb_build_object('traits', $1::jsonb, 'segments', to_jsonb($2::text[]))::text",
        {JSONBOID, TEXTARRAYOID});
    objects.push_back(
        statement.Execute({{JSONBOID, pg::MakeObject(traits), false}, Value::Texts(segments)}, true)[0].Text(
            0));
}

[[maybe_unused]] const bool describing = profile::RegisterPersonDetails(AddTraitsAndSegments);

}  // namespace

}  // namespace pulse::trait

using namespace pulse;

PULSE_FUNCTION(pulse_evaluate_segments) {
    const pg::Args args(fcinfo);
    pg::ResultSet rows(fcinfo);
    const auto profile = args.Int8(0);
    const auto building = args.Bool(1);
    const auto person = profile ? profile::FindPerson(*profile) : std::nullopt;
    if (!person || !building || person->id != *profile) return pg::ResultSet::Done();
    const Moment now = pg::Now();
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(pg::Now());
    trait::PeopleBlock& block = trait::ReadAhead::Of(fcinfo).BlockOf(*profile, now, *program);
    if (!block.Existed(*person)) return pg::ResultSet::Done();
    trait::Subject subject(*person, now, program, block);
    for (const trait::SegmentVersion& version : program->versions) {
        if (version.live == *building || !trait::IsCurrent(*program, version)) continue;
        if (!trait::IsMember(subject, version, *profile)) continue;
        rows.Add({pg::Value::Int8(version.segment),
                  pg::Value::Time(trait::SinceOf(version.segment, *profile).value_or(now))});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_evaluate_traits) {
    const pg::Args args(fcinfo);
    pg::ResultSet rows(fcinfo);
    const auto profile = args.Int8(0);
    const auto person = profile ? profile::FindPerson(*profile) : std::nullopt;
    if (!person || person->id != *profile) return pg::ResultSet::Done();
    const Moment now = pg::Now();
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(pg::Now());
    trait::Subject subject(*person, now, program,
                           trait::ReadAhead::Of(fcinfo).BlockOf(*profile, now, *program));
    for (const trait::StoredTrait& trait : program->traits)
        rows.Add({pg::Value::Text(trait.key), trait::ValueOf(subject, *program, trait, *profile).value});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_evaluate_trait) {
    static const pg::RecordType type({{"value", JSONBOID}, {"problem", TEXTOID}});
    const pg::Args args(fcinfo);
    const auto profile = args.Int8(0);
    const std::string key = args.RequireText(1, "key");
    const auto person = profile ? profile::FindPerson(*profile) : std::nullopt;
    if (!person || person->id != *profile)
        return type.Make({pg::Value::Null(JSONBOID), pg::Value::Null(TEXTOID)});
    const Moment now = pg::Now();
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(now);
    const trait::StoredTrait& trait = trait::RequireTrait(*program, key);
    trait::Subject subject(*person, now, program,
                           trait::ReadAhead::Of(fcinfo).BlockOf(*profile, now, *program));
    const trait::TraitValue result = trait::ValueOf(subject, *program, trait, *profile);
    return type.Make(
        {result.value, result.problem.empty() ? pg::Value::Null(TEXTOID) : pg::Value::Text(result.problem)});
}

PULSE_FUNCTION(pulse_in_segment) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user"), segment = args.RequireText(1, "segment");
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(pg::Now());
    const trait::SegmentVersion& version = trait::RequireVersion(*program, segment);
    const auto person = profile::FindPerson(user);
    const Moment now = pg::Now();
    if (!person || !profile::ExistedAt(*person, now)) return BoolGetDatum(false);
    trait::Subject subject(*person, now, program);
    return BoolGetDatum(trait::IsMember(subject, version, person->id));
}

PULSE_FUNCTION(pulse_segments_of) {
    const pg::Args args(fcinfo);
    const profile::Person person = profile::RequirePerson(args.RequireText(0, "user"));
    pg::ResultSet rows(fcinfo);
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(pg::Now());
    const Moment now = pg::Now();
    if (!profile::ExistedAt(person, now)) return pg::ResultSet::Done();
    trait::Subject subject(person, now, program);
    for (const trait::SegmentVersion& version : program->versions) {
        if (!trait::IsCurrent(*program, version)) continue;
        trait::Subject::Answer answer;
        const std::string problem = trait::ProblemOf(person.id, version.rule.rule().can_fail,
                                                     [&] { answer = subject.Evaluate(version.rule); });
        if (!problem.empty() || !trait::Holds(answer.value)) continue;
        rows.Add({pg::Value::Text(version.name),
                  pg::Value::Time(trait::SinceOf(version.segment, person.id).value_or(now)),
                  pg::Value::Time(answer.until)});
    }
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_trait) {
    const pg::Args args(fcinfo);
    const std::string user = args.RequireText(0, "user"), key = args.RequireText(1, "key");
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(pg::Now());
    const trait::StoredTrait& trait = trait::RequireTrait(*program, key);
    const profile::Person person = profile::RequirePerson(user);
    trait::Subject subject(person, pg::Now(), program);
    const pg::Value value = subject.Json(program->RuleOf(trait));
    if (value.null) {
        fcinfo->isnull = true;
        return 0;
    }
    return value.datum;
}

PULSE_FUNCTION(pulse_traits) {
    const pg::Args args(fcinfo);
    const profile::Person person = profile::RequirePerson(args.RequireText(0, "user"));
    pg::ResultSet rows(fcinfo);
    const std::shared_ptr<const trait::Program> program = trait::ProgramAt(pg::Now());
    trait::Subject subject(person, pg::Now(), program);
    for (const trait::StoredTrait& trait : program->traits) {
        const trait::TraitValue result = trait::ValueOf(subject, *program, trait, person.id);
        rows.Add({pg::Value::Text(trait.key), result.value,
                  result.problem.empty() ? pg::Value::Null(TEXTOID) : pg::Value::Text(result.problem)});
    }
    return pg::ResultSet::Done();
}
