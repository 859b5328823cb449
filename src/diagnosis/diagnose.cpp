// The whole way from a case to its diagnosis.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

Target TargetOf(const Case& input) {
    const std::string& detector = input.detector;
    if (detector == "distribution_shift" || detector == "null_spike" || detector == "new_value" ||
        detector == "vanished_value")
        return Target::kShape;
    if (detector == "conversion_anomaly") return Target::kConversion;
    if (detector == "expected_range")
        return input.attribute == "conversion_rate" ? Target::kConversion : Target::kSize;
    if (detector == "membership_churn") return Target::kChurn;
    if (detector == "inactivity_creep")
        return input.before && input.after && input.before->inactive && input.after->inactive
                   ? Target::kInactive
                   : Target::kChurn;
    if (detector == "schema_change") return Target::kSchema;
    return Target::kSize;
}

std::string InWords(const std::string& name) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    return words;
}

std::string Title(const Case& input) {
    std::string title = Short(input.segment) + ", " + InWords(input.detector);
    if (!input.attribute.empty()) title += " of " + Short(input.attribute, 40);
    return title + " (" + input.severity + ", " + input.status + ")";
}

// What moved besides the size, for the detectors that are about something else.
std::string TellObserved(const Case& input, Target target) {
    if (!input.baseline || !input.observed) return "";
    const std::string name = Short(input.attribute, 40);
    switch (target) {
        case Target::kConversion:
            return "Conversion rate: " + Percent(*input.baseline) + " normally, now " +
                   Percent(*input.observed) + ".";
        case Target::kChurn:
            return "Members that left or were exchanged: " + Percent(*input.baseline) + " normally, now " +
                   Percent(*input.observed) + ".";
        case Target::kInactive:
            return "Inactive members: " + Percent(*input.baseline) + " normally, now " +
                   Percent(*input.observed) + ".";
        case Target::kShape:
            if (input.detector == "null_spike")
                return "Members without a value of " + name + ": " + Percent(*input.baseline) +
                       " normally, now " + Percent(*input.observed) + ".";
            return "";
        default: return "";
    }
}

std::vector<std::string> TellWhat(Workbook& book) {
    const Case& input = book.input;
    std::vector<std::string> sentences;
    if (book.comparable) {
        const int64_t growth = book.growth();
        std::string size = "The segment has " + People(book.after_size) + " on " +
                           FormatDate(input.after->taken_at) + ", after " + Thousands(book.before_size) +
                           " on " + FormatDate(input.before->taken_at);
        if (growth == 0)
            size += ": the same number.";
        else
            size += ": " + Thousands(std::abs(growth)) + (growth < 0 ? " fewer" : " more") +
                    (book.before_size > 0 ? " (" + SignedPercent(book.relative()) + ")." : ".");
        book.cited_size = book.Cite("size", size,
                                    {{"before", book.before_size},
                                     {"after", book.after_size},
                                     {"change", book.relative()},
                                     {"baseline_snapshot", input.before->snapshot},
                                     {"snapshot", input.after->snapshot}});
        sentences.push_back(size);
    } else if (input.baseline && input.observed && book.target == Target::kSize) {
        sentences.push_back("The segment normally has " + People(std::llround(*input.baseline)) +
                            " and now " + Thousands(std::llround(*input.observed)) + ".");
    } else {
        sentences.push_back("There are no two measurements that could be compared.");
    }
    if (const std::string observed = TellObserved(input, book.target); !observed.empty())
        sentences.push_back(observed);
    if (book.target == Target::kShape && input.change)
        for (const AttributeChange& change : book.changes)
            if (change.attribute == input.attribute)
                sentences.push_back(Percent(change.distance) + " of the members moved between values of " +
                                    Short(input.attribute, 40) + ", more than chance would do.");
    return sentences;
}

std::string TellSince(Workbook& book) {
    const Case& input = book.input;
    std::string sentence = "Seen since " + FormatDate(input.since);
    const Course& course = book.course;
    if (!book.comparable || course.steps == 0 || book.growth() == 0 || std::abs(book.relative()) < 0.05)
        return sentence + ".";
    if (course.largest_step >= 0.7)
        sentence += "; it came at once";
    else if (course.steps >= 4 && course.largest_step < 0.45)
        sentence += "; it came slowly, over " + Thousands(static_cast<int64_t>(course.steps)) + " snapshots";
    else
        sentence += "; most of it came by " + FormatDate(course.largest_at);
    sentence += ".";
    book.Cite("history", sentence,
              {{"since", FormatMoment(input.since)},
               {"steps", course.steps},
               {"largest_step", course.largest_step},
               {"usual_change", course.unrest}});
    return sentence;
}

}  // namespace

Diagnosis Diagnose(const Case& input) {
    Workbook book(input);
    book.comparable = input.before && input.after && !input.before->failed && !input.after->failed;
    book.target = TargetOf(input);
    book.course = Describe(input);
    if (book.comparable) {
        book.before_size = input.before->size;
        book.after_size = input.after->size;
        book.changes = Compare(*input.before, *input.after, book.course.unrest);
        book.moves = FindMoves(book.changes);
    }
    Diagnosis diagnosis;
    diagnosis.incident = input.incident;
    diagnosis.segment = input.segment;
    diagnosis.title = Title(input);
    diagnosis.what_changed = TellWhat(book);
    diagnosis.since = TellSince(book);
    SupposeMeasurement(book);
    SupposeTables(book);
    SupposeRules(book);
    SupposeValues(book);
    SupposeCourse(book);
    SupposeRates(book);
    Rank(book);
    SupposeSiblings(book);
    Rank(book);
    diagnosis.attribution = Attribute(book, diagnosis.attribution_of);
    diagnosis.recommendations = Recommend(book);
    if (std::any_of(book.hypotheses.begin(), book.hypotheses.end(),
                    [](const Hypothesis& h) { return h.cause == Cause::kSharedUpstream; }))
        for (const Evidence& fact : book.evidence)
            if (fact.kind == "sibling")
                diagnosis.related = fact.figures.at("incidents").get<std::vector<int64_t>>();
    for (const Hypothesis& hypothesis : book.hypotheses)
        if (hypothesis.cause == Cause::kTableTrouble && hypothesis.confidence >= 0.6)
            diagnosis.related.push_back(input.tables.front().incident);
    diagnosis.evidence = std::move(book.evidence);
    diagnosis.hypotheses = std::move(book.hypotheses);
    return diagnosis;
}

}  // namespace pulse::diagnosis
