// Hypotheses from the course of size and flow: everywhere alike, slowly, fewer entries, more exits, other
// people.
#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/text.hpp"
#include "pulse/diagnosis/context.hpp"

namespace pulse::diagnosis {

namespace {

constexpr size_t kEnoughFlow = 3;  // normal snapshots with a flow before "usual" means something

std::string CiteFlow(Workbook& book) {
    const Course& course = book.course;
    if (!course.now_entered || !course.now_exited) return "";
    std::string sentence = "Since then " + Thousands(std::llround(*course.now_entered)) +
                           " people enter and " + Thousands(std::llround(*course.now_exited)) +
                           " leave per snapshot";
    nlohmann::json figures{{"entered", *course.now_entered}, {"exited", *course.now_exited}};
    if (course.usual_entered && course.flow_points >= kEnoughFlow) {
        sentence += "; usual are " + Thousands(std::llround(*course.usual_entered)) + " and " +
                    Thousands(std::llround(*course.usual_exited));
        figures["usual_entered"] = *course.usual_entered;
        figures["usual_exited"] = *course.usual_exited;
    }
    return book.Cite("flow", sentence + ".", figures);
}

std::vector<std::string> Cited(const Workbook& book, const std::string& id) {
    std::vector<std::string> cited;
    if (!id.empty()) cited.push_back(id);
    if (!book.cited_size.empty()) cited.push_back(book.cited_size);
    return cited;
}

// 0..1: the fall came in many small steps of one direction.
double Gradual(const Course& course) {
    if (course.steps < 4) return 0;
    return Unit((0.75 - course.largest_step) / 0.4) * Unit((course.steadiness - 0.4) / 0.25);
}

// 0..1: entries fell far below what is usual while exits did not rise.
double Stopped(const Workbook& book) {
    const Course& course = book.course;
    if (course.flow_points < kEnoughFlow || !course.now_entered || !course.usual_entered) return 0;
    if (*course.usual_entered < 5) return 0;
    const double left = *course.now_entered / *course.usual_entered;
    const double exits = *course.now_exited / std::max(*course.usual_exited, 1.0);
    const double z = (*course.usual_entered - *course.now_entered) /
                     std::sqrt(*course.usual_entered + std::pow(0.1 * *course.usual_entered, 2));
    return Unit((0.7 - left) / 0.4) * Unit((2.2 - exits) / 0.8) * Support(z);
}

double Surged(const Workbook& book) {
    const Course& course = book.course;
    if (course.flow_points < kEnoughFlow || !course.now_exited || !course.usual_exited) return 0;
    const double ratio = *course.now_exited / std::max(*course.usual_exited, 1.0);
    const double z =
        (*course.now_exited - *course.usual_exited) /
        std::sqrt(1 + *course.now_exited + *course.usual_exited + std::pow(0.1 * *course.usual_exited, 2));
    return z <= 0 ? 0 : Unit((ratio - 1.2) / 0.8) * Support(z);
}

void SupposeOtherPeople(Workbook& book) {
    const Course& course = book.course;
    if (!course.peak_exited || !course.peak_entered) return;
    const double replaced = std::min(*course.peak_exited, *course.peak_entered);
    const double usual = course.usual_exited && book.before_size > 0
                             ? *course.usual_exited / static_cast<double>(book.before_size)
                             : 0;
    if (replaced < 0.6 || replaced < 2 * usual) return;
    const double relevance = book.target == Target::kChurn ? 1 : 0.75;
    book.Suppose(Cause::kIdentityChanged,
                 Unit((replaced - 0.5) / 0.45) * relevance * (1 - Unit(std::abs(book.relative()))),
                 Percent(replaced) +
                     " of the members were exchanged at once at much the same size: most likely not other "
                     "people but another "
                     "way to identify them, such as a changed key.",
                 Cited(book, CiteFlow(book)));
}

void SupposeFlow(Workbook& book) {
    const Course& course = book.course;
    const bool fell = book.growth() < 0;
    if (const double stopped = Stopped(book); stopped > 0 && fell) {
        const double missing =
            (*course.usual_entered - *course.now_entered) * static_cast<double>(course.steps);
        const double explained =
            Unit(missing / std::max<double>(1, static_cast<double>(-book.growth())) * 1.1);
        book.Suppose(Cause::kEntriesStopped,
                     0.95 * stopped * explained * (book.target == Target::kSize ? 1 : 0.6),
                     "New people stopped coming: " + Thousands(std::llround(*course.now_entered)) +
                         " instead of " + Thousands(std::llround(*course.usual_entered)) +
                         " enter per snapshot, while no more than usual leave.",
                     Cited(book, CiteFlow(book)));
    }
    const double surged = Surged(book);
    if (surged <= 0) return;
    // Exits that are one lost value, or a fall of the size, are told better by those.
    const double excess =
        (*course.now_exited - *course.usual_exited) * static_cast<double>(std::max<size_t>(course.steps, 1));
    const double net = fell ? Unit(static_cast<double>(-book.growth()) / std::max(excess, 1.0)) : 0;
    const double other = book.target == Target::kChurn ? 1 : book.target == Target::kSize ? 0.7 : 0.35;
    const double peak = course.peak_exited.value_or(0);
    const double replaced = std::min(peak, course.peak_entered.value_or(0));
    book.Suppose(Cause::kExitsSurged,
                 0.93 * surged * other * (1 - 0.5 * net) * (1 - 0.8 * Unit((replaced - 0.7) / 0.2)),
                 "People leave faster than usual: " + Thousands(std::llround(*course.now_exited)) +
                     " instead of " + Thousands(std::llround(*course.usual_exited)) + " per snapshot.",
                 Cited(book, CiteFlow(book)));
}

void SupposeEverywhere(Workbook& book) {
    if (book.before_size <= 0) return;
    const bool fell = book.growth() < 0;
    const double relevance = book.target == Target::kSize            ? 1
                             : book.target == Target::kChurn && fell ? 0.85
                                                                     : 0.3;
    size_t telling = 0;
    double shift = 0;
    for (const AttributeChange& change : book.changes) {
        telling += change.cells.size() > 1;
        shift = std::max(shift, change.distance);
    }
    const double alike = telling == 0 ? 0.45 : Unit(1 - 1.2 * book.concentrated());
    const double support = Support(book.size_z()) * Unit(std::abs(book.relative()) / 0.08);
    const double gradual = Gradual(book.course), stopped = Stopped(book);
    std::vector<std::string> cited = Cited(book, CiteFlow(book));
    if (telling > 0)
        cited.insert(
            cited.begin(),
            book.Cite("attribute", "The largest shift of any attribute's shares is " + Percent(shift) + ".",
                      {{"distance", shift}, {"attributes", telling}}));
    const std::string where = telling == 0  ? "no attribute is measured that could tell where"
                              : alike > 0.6 ? "every value of every attribute moved alike"
                                            : "beyond what single values explain";
    if (!fell) {
        book.Suppose(Cause::kUniformGrowth, 0.92 * support * alike * relevance,
                     "The segment really grew by " + Percent(book.relative()) + ", " + where + ".", cited);
        return;
    }
    book.Suppose(Cause::kGradualErosion, 0.95 * gradual * support * alike * (1 - 0.7 * stopped) * relevance,
                 "The segment erodes slowly: " + Percent(-book.relative()) + " over " +
                     Thousands(static_cast<int64_t>(book.course.steps)) +
                     " snapshots, no single step stands out, and " + where + ".",
                 cited);
    book.Suppose(Cause::kUniformLoss,
                 0.92 * support * alike * (1 - 0.75 * gradual) * (1 - 0.6 * stopped) * relevance,
                 "A real fall of " + Percent(-book.relative()) + ": " + where + ".", cited);
}

}  // namespace

void SupposeCourse(Workbook& book) {
    if (!book.comparable) return;
    SupposeOtherPeople(book);
    SupposeFlow(book);
    SupposeEverywhere(book);
}

}  // namespace pulse::diagnosis
