// Hypotheses about values of attributes: renamed, emptied, vanished, lost, grown, shifted.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

bool Mentions(const std::string& attribute, std::initializer_list<const char*> words) {
    std::string lower;
    for (const char c : attribute) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return lower.find(word) != std::string::npos; });
}

bool OfRelease(const std::string& attribute) {
    return Mentions(attribute, {"version", "sdk", "build", "release"});
}

// A value that is gone altogether explains that about as many people with a value of another attribute are
// gone.
bool IsBehind(const ValueShift& gone, const ValueShift& less) {
    return gone.kind == ShiftKind::kVanished && less.kind == ShiftKind::kLost &&
           static_cast<double>(gone.people) >= 0.9 * static_cast<double>(less.people);
}

// How well a shift explains the change that the incident is about.
double Relevance(const DiagnosisContext& context, const ValueShift& shift) {
    const bool same = shift.attribute == context.input.attribute;
    switch (context.change_type) {
        case ChangeType::kSize: return shift.size_share;
        case ChangeType::kShape:
            for (const ValueShift& own : context.shifts)
                if (!same && own.attribute == context.input.attribute && IsBehind(shift, own))
                    return 0.15 + 0.85 * own.shape_share;
            return same ? 0.15 + 0.85 * shift.shape_share
                        : 0.45 * std::max(shift.size_share, shift.shape_share);
        case ChangeType::kChurn: return 0.8 * shift.size_share;
        case ChangeType::kConversion:
            return 0.45 * std::max(shift.shape_share * Unit(shift.distance * 4), shift.size_share);
        case ChangeType::kInactive:
            return 0.5 * std::max(shift.shape_share * Unit(shift.distance * 4), shift.size_share);
        case ChangeType::kSchema: return 0.3;
    }
    return 0;
}

std::string AddShiftEvidence(DiagnosisContext& context, const ValueShift& shift) {
    nlohmann::json figures{{"attribute", shift.attribute},
                           {"values", shift.labels},
                           {"before", shift.before},
                           {"after", shift.after},
                           {"people", shift.people}};
    if (!shift.replacements.empty()) figures["replacements"] = shift.replacements;
    std::string sentence =
        Describe(shift) + ": " + Thousands(shift.before) + " before, " + Thousands(shift.after) + " after";
    if (shift.kind == ShiftKind::kRenamed)
        sentence +=
            "; " + Thousands(shift.gained) + " have " + Listed(ShortValues(shift.replacements)) + " instead";
    return context.AddEvidence("attribute", sentence + ".", figures);
}

// A value of another attribute that lost about as many people: most likely the same people.
const ValueShift* SamePeople(const DiagnosisContext& context, const ValueShift& shift) {
    for (const ValueShift& other : context.shifts) {
        if (other.attribute == shift.attribute || !other.labelled || other.labels.size() > 2) continue;
        if (other.kind != ShiftKind::kLost && other.kind != ShiftKind::kVanished) continue;
        const double ratio =
            static_cast<double>(other.people) / std::max<double>(1, static_cast<double>(shift.people));
        if (ratio > 0.75 && ratio < 1.33) return &other;
    }
    return nullptr;
}

// A clause on the attribute's values by which about as many people now miss the segment as lost the value.
const ClauseCount* MissedBy(const DiagnosisContext& context, const ValueShift& shift, int64_t& more) {
    for (const ClauseCount& after : context.input.after->clauses)
        for (const ClauseCount& before : context.input.before->clauses) {
            if (after.text != before.text || !after.missed_only || !before.missed_only) continue;
            const auto columns = ColumnsOf(after.text);
            if (std::find(columns.begin(), columns.end(), shift.attribute) == columns.end()) continue;
            more = *after.missed_only - *before.missed_only;
            if (MatchesValues(after.text) &&
                static_cast<double>(more) > 0.5 * static_cast<double>(shift.people))
                return &after;
        }
    return nullptr;
}

// "An Android SDK update" when the people share a platform, else "A release".
std::string Release(const ValueShift* platform) {
    if (!platform || platform->labels.empty()) return "A release";
    std::string name = Capitalized(Short(platform->labels.front(), 30));
    if (name == "Ios") name = "iOS";
    const bool vowel = std::string("AEIOUi").find(name[0]) != std::string::npos;
    return (vowel ? "An " : "A ") + name + " SDK update";
}

// Share of a renamed value's people beyond which it is said that some kept it.
constexpr double kMostLeft = 0.05;

std::string RenameSentence(const DiagnosisContext& context, const ValueShift& shift) {
    const std::string arrow =
        Listed(ShortValues(shift.labels)) + " -> " + Listed(ShortValues(shift.replacements));
    const std::string attribute = Short(shift.attribute, 40);
    const segment::MemberWords& words = context.input.words;
    std::string sentence;
    if (OfRelease(shift.attribute)) {
        const ValueShift* same = SamePeople(context, shift);
        sentence = Release(same && Mentions(same->attribute, {"platform", "device", "os"}) ? same : nullptr) +
                   " changed " + attribute + " values: " + arrow + ".";
    } else {
        sentence = "Values of " + attribute + " were renamed: " + arrow + ".";
    }
    if (shift.after > kMostLeft * static_cast<double>(shift.before))
        sentence +=
            " " + Thousands(shift.after) + " of " + words.Members(shift.before) + " still have the old one.";
    return sentence + " " + words.Members(shift.gained) + " have the new value instead of the old one.";
}

RecommendationSubject SubjectOf(const ValueShift& shift) {
    RecommendationSubject subject;
    subject.attribute = shift.attribute;
    if (shift.labelled) subject.values = shift.labels;
    subject.replacements = shift.replacements;
    subject.people = shift.people;
    return subject;
}

void AddRenameHypothesis(DiagnosisContext& context, const ValueShift& shift) {
    // A rename keeps its people in the segment: it explains a shift, not a loss.
    double relevance = context.change_type == ChangeType::kShape
                           ? (shift.attribute == context.input.attribute ? 1 : 0.55)
                           : 0.4;
    if (context.change_type == ChangeType::kSize && std::abs(context.relative()) < 0.05) relevance = 0.7;
    std::vector<std::string> cited{AddShiftEvidence(context, shift)};
    if (const ValueShift* same = SamePeople(context, shift))
        cited.push_back(AddShiftEvidence(context, *same));
    context.AddHypothesis(Cause::kValueRenamed, (0.3 + 0.67 * shift.match) * shift.support * relevance,
                          RenameSentence(context, shift), cited, SubjectOf(shift));
}

// The value is gone from the segment, but its people are still in the table and fail the clause that names
// it.
bool AddOutsideRenameHypothesis(DiagnosisContext& context, const ValueShift& shift) {
    int64_t more = 0;
    const ClauseCount* clause = MissedBy(context, shift, more);
    if (!clause) return false;
    const segment::MemberWords& words = context.input.words;
    const std::string attribute = Short(shift.attribute, 40);
    const ValueShift* same = SamePeople(context, shift);
    std::vector<std::string> cited{
        AddShiftEvidence(context, shift),
        context.AddEvidence(
            "clause", words.MoreRows(more) + " than before fail only `" + Short(clause->text, 80) + "`.",
            {{"clause", clause->text}, {"missed_only_change", more}})};
    if (same) cited.push_back(AddShiftEvidence(context, *same));
    std::string sentence;
    if (OfRelease(shift.attribute))
        sentence = Release(same && Mentions(same->attribute, {"platform", "device", "os"}) ? same : nullptr) +
                   " changed " + attribute + " values: ";
    else
        sentence = "Values of " + attribute + " were renamed: ";
    sentence += Describe(shift) + " has " + (shift.kind == ShiftKind::kVanished ? "no " : "far fewer ") +
                words.members + " left, and " + words.MoreRows(more) + " fail `" + Short(clause->text, 80) +
                "`, which names the old values.";
    const double fit =
        Unit(static_cast<double>(more) / static_cast<double>(std::max<int64_t>(shift.people, 1)));
    RecommendationSubject subject = SubjectOf(shift);
    subject.clause = clause->text;
    context.AddHypothesis(Cause::kValueRenamed,
                          (0.35 + 0.6 * fit) * shift.support * (0.3 + 0.7 * Relevance(context, shift)),
                          sentence, cited, subject);
    return true;
}

void AddNullsHypothesis(DiagnosisContext& context, const ValueShift& shift) {
    const bool emptied = shift.kind == ShiftKind::kNulled;
    double relevance = context.change_type == ChangeType::kShape
                           ? (shift.attribute == context.input.attribute ? 1 : 0.5)
                           : 0.4;
    if (context.change_type == ChangeType::kSize && std::abs(context.relative()) < 0.05) relevance = 0.7;
    const std::string attribute = Short(shift.attribute, 40);
    const bool nan = OfNan(shift);
    const std::string absent = nan ? "NaN" : "empty";
    const segment::MemberWords& words = context.input.words;
    const std::string whom = words.Members(shift.people);
    const std::string sentence =
        emptied ? attribute + " is " + absent + " for " + whom + " " + words.who + " had a value before: " +
                      (nan ? "its computation fails for them." : "the column stopped being filled for them.")
                : attribute + " was " + absent + " for " + whom +
                      " and now has values: the column is being filled.";
    RecommendationSubject subject = SubjectOf(shift);
    if (nan) subject.values = {"NaN"};
    context.AddHypothesis(
        emptied ? Cause::kColumnNulled : Cause::kColumnFilled,
        (0.3 + 0.67 * shift.match) * shift.support * relevance * (0.5 + 0.5 * shift.shape_share),
        Capitalized(sentence), {AddShiftEvidence(context, shift)}, subject);
}

std::string LossSentence(const DiagnosisContext& context, const ValueShift& shift) {
    const double kept =
        static_cast<double>(shift.after) / std::max<double>(1, static_cast<double>(shift.before));
    const std::string& members = context.input.words.members;
    std::string sentence;
    if (shift.kind == ShiftKind::kVanished)
        sentence = "No " + members + " with " + Describe(shift) + " are left (" + Thousands(shift.before) +
                   " before), while the others stayed as they were: the value vanished upstream.";
    else
        sentence = Describe(shift) + " lost " + Percent(1 - kept) + " of its " + members + " (" +
                   Thousands(shift.before) + " before, " + Thousands(shift.after) +
                   " after), far more than the others.";
    if (const ValueShift* same = SamePeople(context, shift))
        sentence += " The same " + members + " probably show as " + Describe(*same) + ".";
    return sentence;
}

// Many intervals of a number are weaker evidence than one named value.
double Sharpness(const ValueShift& shift) {
    return (shift.labelled ? 1 : 0.75) * (shift.labels.size() <= 3   ? 1
                                          : shift.labels.size() <= 6 ? 0.92
                                                                     : 0.8);
}

// People who came or went show in the size as well; people who only changed places between values do not.
// 0..1.
double ShowsInSize(const DiagnosisContext& context, const ValueShift& shift, double sign) {
    if (shift.kind == ShiftKind::kAppeared || context.change_type == ChangeType::kSize ||
        context.change_type == ChangeType::kChurn)
        return 1;
    const double net = sign * static_cast<double>(context.growth());
    return 0.35 + 0.65 * Unit(1.4 * net / std::max<double>(1, static_cast<double>(shift.people)));
}

void AddLossHypothesis(DiagnosisContext& context, const ValueShift& shift) {
    if (AddOutsideRenameHypothesis(context, shift)) return;
    const Cause cause = shift.kind == ShiftKind::kVanished ? Cause::kValueVanished : Cause::kOneValueLost;
    context.AddHypothesis(cause, 0.96 * Strength(context, shift, -1), LossSentence(context, shift),
                          {AddShiftEvidence(context, shift), context.cited_size}, SubjectOf(shift));
}

void AddGainHypothesis(DiagnosisContext& context, const ValueShift& shift) {
    const segment::MemberWords& words = context.input.words;
    std::string sentence = Describe(shift) + " grew from " + Thousands(shift.before) + " to " +
                           words.Members(shift.after) + ", far more than the others.";
    if (shift.kind == ShiftKind::kAppeared)
        sentence = Describe(shift) + " is new: " + words.Members(shift.after) +
                   " have it, and hardly any had it before.";
    context.AddHypothesis(Cause::kValueInflux, 0.95 * Strength(context, shift, 1), Capitalized(sentence),
                          {AddShiftEvidence(context, shift), context.cited_size}, SubjectOf(shift));
}

// The shares of an attribute moved between values that people had before, at much the same size, and no
// rename or emptied column explains it. As everywhere in drift, shares are of the members that have a value.
void AddMixHypothesis(DiagnosisContext& context, const DistributionChange& change) {
    if (context.change_type != ChangeType::kShape || change.attribute != context.input.attribute ||
        change.distance < 0.02)
        return;
    if (std::any_of(change.cells.begin(), change.cells.end(),
                    [](const Cell& cell) { return cell.came_from_nothing(); }))
        return;
    double explained = 0, before = 0, after = 0;
    for (const ValueShift& shift : context.shifts)
        if (shift.attribute == change.attribute &&
            (shift.kind == ShiftKind::kRenamed || shift.kind == ShiftKind::kNulled ||
             shift.kind == ShiftKind::kFilled || std::abs(context.relative()) >= 0.1))
            explained = std::max(explained, shift.match * shift.support * shift.shape_share);
    std::vector<const Cell*> cells;
    for (const Cell& cell : change.cells) {
        if (cell.kind == CellKind::kNull) continue;
        cells.push_back(&cell);
        before += static_cast<double>(cell.before);
        after += static_cast<double>(cell.after);
    }
    if (cells.size() < 2 || before <= 0 || after <= 0) return;
    const auto share_before = [&](const Cell* cell) { return static_cast<double>(cell->before) / before; };
    const auto share_after = [&](const Cell* cell) { return static_cast<double>(cell->after) / after; };
    const auto [down, up] =
        std::minmax_element(cells.begin(), cells.end(), [&](const Cell* a, const Cell* b) {
            return share_after(a) - share_before(a) < share_after(b) - share_before(b);
        });
    if (share_after(*up) - share_before(*up) < 0.01) return;
    const auto told = [&](const Cell* cell) {
        const std::string label = cell->kind == CellKind::kOther ? "rarer values"
                                  : cell->kind == CellKind::kNan ? "NaN"
                                                                 : ShortValue(cell->label);
        return label + " from " + Percent(share_before(cell)) + " to " + Percent(share_after(cell));
    };
    const std::string fact =
        "Shares of " + Short(change.attribute, 40) + ": " + told(*down) + ", " + told(*up) + ".";
    const std::string id = context.AddEvidence(
        "attribute", fact, {{"attribute", change.attribute}, {"distance", change.distance}});
    const double steady = 1 - Unit(std::abs(context.relative()) * 2);
    RecommendationSubject subject;
    subject.attribute = change.attribute;
    if ((*up)->kind == CellKind::kValue && change.labelled()) subject.values = {(*up)->label};
    context.AddHypothesis(
        Cause::kMixShift, 0.8 * Unit(change.distance * 10) * (1 - explained) * (0.4 + 0.6 * steady),
        Capitalized(context.input.words.members) + " moved between existing values. " + fact, {id}, subject);
}

// A number whose typical value moved by a factor: other people, or another unit.
void AddRescaledHypothesis(DiagnosisContext& context, const DistributionChange& change) {
    if (change.kind != segment::AttributeKind::kNumeric || !change.median_before || !change.median_after)
        return;
    if (change.distance < 0.15 || *change.median_before == 0 || *change.median_after == 0) return;
    const double factor = *change.median_after / *change.median_before;
    if (!(factor > 0)) return;
    const double tens = std::log10(factor);
    const bool unit = std::abs(tens) > 0.9 && std::abs(tens - std::round(tens)) < 0.08;
    if (std::abs(std::log(factor)) < std::log(1.25)) return;
    const double relevance =
        context.change_type == ChangeType::kShape && change.attribute == context.input.attribute ? 1
        : context.change_type == ChangeType::kShape || std::abs(context.relative()) < 0.1        ? 0.5
                                                                                                 : 0.25;
    const std::string name = Short(change.attribute, 40);
    const std::string fact = "The typical " + name + " went from " + Figure(*change.median_before) + " to " +
                             Figure(*change.median_after) + ".";
    const std::string id =
        context.AddEvidence("attribute", fact, {{"attribute", change.attribute}, {"factor", factor}});
    RecommendationSubject subject;
    subject.attribute = change.attribute;
    context.AddHypothesis(Cause::kValuesRescaled, (unit ? 0.95 : 0.6) * relevance * Unit(change.distance * 3),
                          unit ? fact + " A factor of " + Figure(std::pow(10, std::round(std::abs(tens)))) +
                                     " usually means another unit upstream."
                               : fact + " The whole segment moved.",
                          {id}, subject);
}

}  // namespace

double Strength(const DiagnosisContext& context, const ValueShift& shift, double sign) {
    return shift.support * Relevance(context, shift) * Sharpness(shift) * ShowsInSize(context, shift, sign);
}

void AddValueHypotheses(DiagnosisContext& context) {
    if (!context.comparable) return;
    for (const ValueShift& shift : context.shifts) switch (shift.kind) {
            case ShiftKind::kRenamed: AddRenameHypothesis(context, shift); break;
            case ShiftKind::kNulled:
            case ShiftKind::kFilled: AddNullsHypothesis(context, shift); break;
            case ShiftKind::kVanished:
            case ShiftKind::kLost: AddLossHypothesis(context, shift); break;
            case ShiftKind::kAppeared:
            case ShiftKind::kGrew: AddGainHypothesis(context, shift); break;
        }
    for (const DistributionChange& change : context.changes) {
        AddMixHypothesis(context, change);
        AddRescaledHypothesis(context, change);
    }
}

}  // namespace pulse::diagnosis
