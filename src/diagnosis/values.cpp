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

std::vector<std::string> Shortened(const std::vector<std::string>& labels) {
    std::vector<std::string> words;
    for (const std::string& label : labels) words.push_back(Short(label, 40));
    return words;
}

// How far a move answers the question the incident asks.
double Relevance(const Workbook& book, const ValueMove& move) {
    const bool same = move.attribute == book.input.attribute;
    switch (book.target) {
        case Target::kSize: return move.size_share;
        case Target::kShape:
            return same ? 0.15 + 0.85 * move.shape_share : 0.45 * std::max(move.size_share, move.shape_share);
        case Target::kChurn: return 0.8 * move.size_share;
        case Target::kConversion:
            return 0.45 * std::max(move.shape_share * Unit(move.distance * 4), move.size_share);
        case Target::kInactive:
            return 0.5 * std::max(move.shape_share * Unit(move.distance * 4), move.size_share);
        case Target::kSchema: return 0.3;
    }
    return 0;
}

std::string CiteMove(Workbook& book, const ValueMove& move) {
    nlohmann::json figures{{"attribute", move.attribute},
                           {"values", move.labels},
                           {"before", move.before},
                           {"after", move.after},
                           {"people", move.people}};
    if (!move.replacements.empty()) figures["replacements"] = move.replacements;
    std::string sentence =
        Describe(move) + ": " + Thousands(move.before) + " before, " + Thousands(move.after) + " after";
    if (move.move == Move::kRenamed)
        sentence += "; " + Listed(Shortened(move.replacements)) + " came with " + Thousands(move.people) +
                    " in their place";
    return book.Cite("attribute", sentence + ".", figures);
}

// Another attribute in which one value lost as many people as this move has: they are the same people.
const ValueMove* SamePeople(const Workbook& book, const ValueMove& move) {
    for (const ValueMove& other : book.moves) {
        if (other.attribute == move.attribute || !other.labelled || other.labels.size() > 2) continue;
        if (other.move != Move::kLost && other.move != Move::kVanished) continue;
        const double ratio =
            static_cast<double>(other.people) / std::max<double>(1, static_cast<double>(move.people));
        if (ratio > 0.75 && ratio < 1.33) return &other;
    }
    return nullptr;
}

// A clause on the attribute's values by which about as many people now miss the segment as lost the value.
const ClauseCount* MissedBy(const Workbook& book, const ValueMove& move, int64_t& more) {
    for (const ClauseCount& after : book.input.after->clauses)
        for (const ClauseCount& before : book.input.before->clauses) {
            if (after.text != before.text || !after.missed_only || !before.missed_only) continue;
            const auto columns = ColumnsOf(after.text);
            if (std::find(columns.begin(), columns.end(), move.attribute) == columns.end()) continue;
            more = *after.missed_only - *before.missed_only;
            if (MatchesValues(after.text) &&
                static_cast<double>(more) > 0.5 * static_cast<double>(move.people))
                return &after;
        }
    return nullptr;
}

// "An Android SDK update" when the people share a platform, else "A release".
std::string Release(const ValueMove* platform) {
    if (!platform || platform->labels.empty()) return "A release";
    std::string name = Capitalized(Short(platform->labels.front(), 30));
    if (name == "Ios") name = "iOS";
    const bool vowel = std::string("AEIOUi").find(name[0]) != std::string::npos;
    return (vowel ? "An " : "A ") + name + " SDK update";
}

std::string RenameSentence(const Workbook& book, const ValueMove& move) {
    const std::string arrow = Listed(Shortened(move.labels)) + " -> " + Listed(Shortened(move.replacements));
    const std::string attribute = Short(move.attribute, 40);
    std::string sentence;
    if (OfRelease(move.attribute)) {
        const ValueMove* same = SamePeople(book, move);
        sentence = Release(same && Mentions(same->attribute, {"platform", "device", "os"}) ? same : nullptr) +
                   " changed " + attribute + " values: " + arrow + ".";
    } else {
        sentence = "Values of " + attribute + " were renamed: " + arrow + ".";
    }
    return sentence + " " + People(move.people) + " carry the new value instead of the old one.";
}

Subject SubjectOf(const ValueMove& move) {
    Subject subject;
    subject.attribute = move.attribute;
    if (move.labelled) subject.values = move.labels;
    subject.replacements = move.replacements;
    subject.people = move.people;
    return subject;
}

void SupposeRename(Workbook& book, const ValueMove& move) {
    // A rename keeps its people in the segment: it explains a shift, not a loss.
    double relevance =
        book.target == Target::kShape ? (move.attribute == book.input.attribute ? 1 : 0.55) : 0.4;
    if (book.target == Target::kSize && std::abs(book.relative()) < 0.05) relevance = 0.7;
    std::vector<std::string> cited{CiteMove(book, move)};
    if (const ValueMove* same = SamePeople(book, move)) cited.push_back(CiteMove(book, *same));
    book.Suppose(Cause::kValueRenamed, (0.3 + 0.67 * move.match) * move.support * relevance,
                 RenameSentence(book, move), cited, SubjectOf(move));
}

// The value is gone from the segment, but its people are still in the table and fail the clause that names
// it.
bool SupposeRenamedOutside(Workbook& book, const ValueMove& move) {
    int64_t more = 0;
    const ClauseCount* clause = MissedBy(book, move, more);
    if (!clause) return false;
    const std::string attribute = Short(move.attribute, 40);
    const ValueMove* same = SamePeople(book, move);
    std::vector<std::string> cited{CiteMove(book, move),
                                   book.Cite("clause",
                                             MorePeople(more) + " than before miss the segment by `" +
                                                 Short(clause->text, 80) + "` alone.",
                                             {{"clause", clause->text}, {"missed_only_change", more}})};
    if (same) cited.push_back(CiteMove(book, *same));
    std::string sentence;
    if (OfRelease(move.attribute))
        sentence = Release(same && Mentions(same->attribute, {"platform", "device", "os"}) ? same : nullptr) +
                   " changed " + attribute + " values: ";
    else
        sentence = "Values of " + attribute + " were renamed: ";
    sentence += Describe(move) + " has " + (move.move == Move::kVanished ? "nobody" : "far fewer people") +
                " left, and " + MorePeople(more) + " fail `" + Short(clause->text, 80) +
                "`, which names the old values.";
    const double fit =
        Unit(static_cast<double>(more) / static_cast<double>(std::max<int64_t>(move.people, 1)));
    Subject subject = SubjectOf(move);
    subject.clause = clause->text;
    book.Suppose(Cause::kValueRenamed,
                 (0.35 + 0.6 * fit) * move.support * (0.3 + 0.7 * Relevance(book, move)), sentence, cited,
                 subject);
    return true;
}

void SupposeNulls(Workbook& book, const ValueMove& move) {
    const bool emptied = move.move == Move::kNulled;
    double relevance =
        book.target == Target::kShape ? (move.attribute == book.input.attribute ? 1 : 0.5) : 0.4;
    if (book.target == Target::kSize && std::abs(book.relative()) < 0.05) relevance = 0.7;
    const std::string attribute = Short(move.attribute, 40);
    const std::string sentence =
        emptied ? attribute + " is empty for " + People(move.people) +
                      " who had a value before: the column stopped being filled for them."
                : attribute + " was empty for " + People(move.people) +
                      " and now has values: the column is being filled.";
    book.Suppose(emptied ? Cause::kColumnNulled : Cause::kColumnFilled,
                 (0.3 + 0.67 * move.match) * move.support * relevance * (0.5 + 0.5 * move.shape_share),
                 Capitalized(sentence), {CiteMove(book, move)}, SubjectOf(move));
}

std::string LossSentence(const Workbook& book, const ValueMove& move) {
    const double kept =
        static_cast<double>(move.after) / std::max<double>(1, static_cast<double>(move.before));
    std::string sentence;
    if (move.move == Move::kVanished)
        sentence = "Nobody with " + Describe(move) + " is left (" + Thousands(move.before) +
                   " before), while the others stayed as they were: the value vanished upstream.";
    else
        sentence = Describe(move) + " lost " + Percent(1 - kept) + " of its people (" +
                   Thousands(move.before) + " before, " + Thousands(move.after) +
                   " after), far more than the others.";
    if (const ValueMove* same = SamePeople(book, move))
        sentence += " The same people probably show as " + Describe(*same) + ".";
    return sentence;
}

// Many intervals of a number are a weaker word than one named value.
double Sharpness(const ValueMove& move) {
    return (move.labelled ? 1 : 0.75) * (move.labels.size() <= 3 ? 1 : move.labels.size() <= 6 ? 0.92 : 0.8);
}

// People who came or went show in the size as well; people who only changed places between values do not.
// 0..1.
double ShowsInSize(const Workbook& book, const ValueMove& move, double sign) {
    if (book.target == Target::kSize || book.target == Target::kChurn) return 1;
    const double net = sign * static_cast<double>(book.growth());
    return 0.35 + 0.65 * Unit(1.4 * net / std::max<double>(1, static_cast<double>(move.people)));
}

void SupposeLoss(Workbook& book, const ValueMove& move) {
    if (SupposeRenamedOutside(book, move)) return;
    const Cause cause = move.move == Move::kVanished ? Cause::kValueVanished : Cause::kOneValueLost;
    book.Suppose(cause,
                 0.96 * move.support * Relevance(book, move) * Sharpness(move) * ShowsInSize(book, move, -1),
                 LossSentence(book, move), {CiteMove(book, move), book.cited_size}, SubjectOf(move));
}

void SupposeGain(Workbook& book, const ValueMove& move) {
    std::string sentence = Describe(move) + " grew from " + Thousands(move.before) + " to " +
                           Thousands(move.after) + " people, far more than the others.";
    if (move.move == Move::kAppeared)
        sentence =
            Describe(move) + " is new: " + People(move.after) + " carry it, hardly anybody did before.";
    book.Suppose(Cause::kValueInflux,
                 0.95 * move.support * Relevance(book, move) * Sharpness(move) * ShowsInSize(book, move, 1),
                 Capitalized(sentence), {CiteMove(book, move), book.cited_size}, SubjectOf(move));
}

// The shares of an attribute moved at much the same size, and no rename or emptied column explains it.
void SupposeMix(Workbook& book, const AttributeChange& change) {
    if (book.target != Target::kShape || change.attribute != book.input.attribute || change.distance < 0.02)
        return;
    double explained = 0;
    for (const ValueMove& move : book.moves)
        if (move.attribute == change.attribute)
            explained = std::max(explained, move.move == Move::kRenamed || !(std::abs(book.relative()) < 0.1)
                                                ? move.match * move.support * move.shape_share
                                                : 0.0);
    const Cell *up = nullptr, *down = nullptr;
    const auto shift = [&](const Cell& cell) {
        return static_cast<double>(cell.after) / static_cast<double>(std::max<int64_t>(book.after_size, 1)) -
               static_cast<double>(cell.before) / static_cast<double>(std::max<int64_t>(book.before_size, 1));
    };
    for (const Cell& cell : change.cells) {
        if (!up || shift(cell) > shift(*up)) up = &cell;
        if (!down || shift(cell) < shift(*down)) down = &cell;
    }
    if (!up || up == down) return;
    const auto told = [&](const Cell& cell) {
        const std::string label = cell.kind == CellKind::kNull    ? "empty"
                                  : cell.kind == CellKind::kOther ? "rarer values"
                                                                  : Short(cell.label, 40);
        return label + " from " +
               Percent(static_cast<double>(cell.before) /
                       static_cast<double>(std::max<int64_t>(book.before_size, 1))) +
               " to " +
               Percent(static_cast<double>(cell.after) /
                       static_cast<double>(std::max<int64_t>(book.after_size, 1)));
    };
    const std::string fact =
        "Shares of " + Short(change.attribute, 40) + ": " + told(*down) + ", " + told(*up) + ".";
    const std::string id =
        book.Cite("attribute", fact, {{"attribute", change.attribute}, {"distance", change.distance}});
    const double steady = 1 - Unit(std::abs(book.relative()) * 2);
    Subject subject;
    subject.attribute = change.attribute;
    if (up->kind == CellKind::kValue && change.labelled()) subject.values = {up->label};
    book.Suppose(Cause::kMixShift, 0.8 * Unit(change.distance * 10) * (1 - explained) * (0.4 + 0.6 * steady),
                 "The mix of the audience moved between values it always had. " + fact, {id}, subject);
}

// A number whose typical value moved by a factor: other people, or another unit.
void SupposeRescaled(Workbook& book, const AttributeChange& change) {
    if (change.kind != segment::AttributeKind::kNumeric || !change.median_before || !change.median_after)
        return;
    if (change.distance < 0.15 || *change.median_before == 0 || *change.median_after == 0) return;
    const double factor = *change.median_after / *change.median_before;
    if (!(factor > 0)) return;
    const double tens = std::log10(factor);
    const bool unit = std::abs(tens) > 0.9 && std::abs(tens - std::round(tens)) < 0.08;
    if (std::abs(std::log(factor)) < std::log(1.25)) return;
    const double relevance = book.target == Target::kShape && change.attribute == book.input.attribute ? 1
                             : book.target == Target::kShape || std::abs(book.relative()) < 0.1        ? 0.5
                                                                                                       : 0.25;
    const std::string name = Short(change.attribute, 40);
    const std::string fact = "The typical " + name + " went from " + Figure(*change.median_before) + " to " +
                             Figure(*change.median_after) + ".";
    const std::string id =
        book.Cite("attribute", fact, {{"attribute", change.attribute}, {"factor", factor}});
    Subject subject;
    subject.attribute = change.attribute;
    book.Suppose(Cause::kValuesRescaled, (unit ? 0.95 : 0.6) * relevance * Unit(change.distance * 3),
                 unit ? fact + " A factor of " + Figure(std::pow(10, std::round(std::abs(tens)))) +
                            " is rarely people and mostly another unit upstream."
                      : fact + " The whole audience moved along it.",
                 {id}, subject);
}

}  // namespace

void SupposeValues(Workbook& book) {
    if (!book.comparable) return;
    for (const ValueMove& move : book.moves) switch (move.move) {
            case Move::kRenamed: SupposeRename(book, move); break;
            case Move::kNulled:
            case Move::kFilled: SupposeNulls(book, move); break;
            case Move::kVanished:
            case Move::kLost: SupposeLoss(book, move); break;
            case Move::kAppeared:
            case Move::kGrew: SupposeGain(book, move); break;
        }
    for (const AttributeChange& change : book.changes) {
        SupposeMix(book, change);
        SupposeRescaled(book, change);
    }
}

}  // namespace pulse::diagnosis
