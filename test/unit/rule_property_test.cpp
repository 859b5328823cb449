// Properties over generated trees: what is printed is read again as the same, and compiling never does worse
// than UserError.
#include "rule_testing.hpp"

#include <random>

#include "pulse/rule/profile.hpp"

namespace pulse::rule {
namespace {

class Generator {
  public:
    explicit Generator(unsigned seed) : random_(seed) {}

    ExprPtr Expression(int depth) {
        if (depth <= 0) return Leaf();
        switch (Pick(6)) {
            case 0: return Leaf();
            case 1: return MakeCall(OfOne(), {Expression(depth - 1)}, 0);
            case 2:
                return MakeOperation(Choose({Op::kNot, Op::kIsNull, Op::kNegate}), {Expression(depth - 1)},
                                     0);
            case 3: return Nary(depth);
            case 4: return Special(depth);
            default: {
                static const std::vector<Op> binary = {
                    Op::kEqual,        Op::kNotEqual, Op::kLess,       Op::kLessEqual, Op::kGreater,
                    Op::kGreaterEqual, Op::kContains, Op::kStartsWith, Op::kEndsWith,  Op::kMatches,
                    Op::kAdd,          Op::kSubtract, Op::kMultiply,   Op::kDivide,    Op::kModulo};
                return MakeOperation(binary[Pick(binary.size())],
                                     {Expression(depth - 1), Expression(depth - 1)}, 0);
            }
        }
    }

  private:
    size_t Pick(size_t count) { return random_() % count; }
    Function OfOne() {
        static const std::vector<Function> of_one = {
            Function::kLower, Function::kUpper,      Function::kLen,    Function::kAbs,
            Function::kRound, Function::kDaysSince,  Function::kNumber, Function::kSemver,
            Function::kInet,  Function::kIgnoreCase, Function::kType};
        return of_one[Pick(of_one.size())];
    }
    Op Choose(std::initializer_list<Op> ops) { return ops.begin()[Pick(ops.size())]; }

    ExprPtr Nary(int depth) {
        std::vector<ExprPtr> operands;
        for (size_t i = 0, count = 2 + Pick(3); i < count; ++i) operands.push_back(Expression(depth - 1));
        return MakeOperation(Choose({Op::kAnd, Op::kOr, Op::kCoalesce}), std::move(operands), 0);
    }

    ExprPtr Special(int depth) {
        switch (Pick(4)) {
            case 0:
                return MakeOperation(
                    Op::kBetween, {Expression(depth - 1), Expression(depth - 1), Expression(depth - 1)}, 0);
            case 1: {
                std::vector<ExprPtr> items;
                for (size_t i = 0, count = Pick(5); i < count; ++i) items.push_back(Scalar());
                return MakeOperation(
                    Choose({Op::kIn, Op::kContainsAny, Op::kContainsAll, Op::kEqual, Op::kNotEqual}),
                    {Expression(depth - 1), Make(List{std::move(items)}, 0)}, 0);
            }
            case 2: return OverElements(Expression(depth - 1), depth - 1);
            default:
                return MakeOperation(Choose({Op::kWithinLast, Op::kBeforeLast}),
                                     {Expression(depth - 1), Span()}, 0);
        }
    }

    // Elements of elements, too.
    ExprPtr OverElements(ExprPtr list, int depth) {
        ExprPtr condition = Filter(false);
        if (depth > 0 && Pick(2))
            condition = OverElements(Make(Reference{Reference::Kind::kPath, {Any()}}, 0), depth - 1);
        else if (Pick(2))
            condition = MakeOperation(Op::kNotEqual,
                                      {Make(Reference{Reference::Kind::kElement, {}}, 0), Scalar()}, 0);
        return Make(Elements{Pick(2) == 0, std::move(list), std::move(condition)}, 0);
    }

    ExprPtr Span() { return Make(Duration{1 + static_cast<int64_t>(Pick(10'000'000))}, 0); }

    ExprPtr Scalar() {
        switch (Pick(3)) {
            case 0:
                return Make(Number{std::vector<std::string>{"0", "-1", "0.5", "1000", "-12.25"}[Pick(5)]}, 0);
            case 1: return Make(Boolean{Pick(2) == 0}, 0);
            default: return Make(Text{Any()}, 0);
        }
    }

    std::string Any() {
        static const std::vector<std::string> pieces = {"a",  "\"",  "'", "\\", "`", "\n",
                                                        "\t", "é",   "😀", " ",  "]", "--",
                                                        "in", "now", "1", ";",  "$", "\x01"};
        std::string text = pieces[Pick(pieces.size())];
        for (size_t i = Pick(4); i > 0; --i) text += pieces[Pick(pieces.size())];
        return text;
    }

    Window AnyWindow() {
        switch (Pick(4)) {
            case 0: return {};
            case 1:
                return {.kind = Window::Kind::kCalendar,
                        .count = 1 + static_cast<int>(Pick(5)),
                        .unit = std::vector<Window::Unit>{Window::Unit::kDay, Window::Unit::kWeek,
                                                          Window::Unit::kMonth}[Pick(3)]};
            case 2:
                return {.kind = Window::Kind::kSliding,
                        .from = 100 + static_cast<int64_t>(Pick(1'000'000)),
                        .to = static_cast<int64_t>(Pick(99))};
            default:
                return {.kind = Window::Kind::kSliding, .from = 1 + static_cast<int64_t>(Pick(1'000'000))};
        }
    }

    // Names in it are properties.
    ExprPtr Filter(bool step) {
        const auto name = [&] {
            const bool before = step && Pick(2) == 0;
            return Make(Reference{before ? Reference::Kind::kStep : Reference::Kind::kPath, {Any(), Any()}},
                        0);
        };
        ExprPtr filter = MakeOperation(Choose({Op::kEqual, Op::kLess, Op::kContains}),
                                       {name(), Pick(2) ? Scalar() : name()}, 0);
        return Pick(2) ? filter
                       : MakeOperation(Choose({Op::kAnd, Op::kOr}),
                                       {filter, MakeOperation(Op::kIsNull, {name()}, 0)}, 0);
    }

    Metric AnyMetric() {
        if (Pick(5) == 0) {
            Metric sequence{.aggregate = Aggregate::kSequence};
            for (size_t i = 0, count = 2 + Pick(3); i < count; ++i) {
                SequenceStep step{.absent = i > 0 && Pick(3) == 0,
                                  .event = Any(),
                                  .filter = Pick(2) ? Filter(i > 0) : nullptr};
                if (i > 0 && Pick(2)) step.within = 1 + static_cast<int64_t>(Pick(1'000'000));
                sequence.steps.push_back(step);
            }
            if (Pick(2))
                sequence.window = {.kind = Window::Kind::kSliding,
                                   .from = 1 + static_cast<int64_t>(Pick(1'000'000))};
            return sequence;
        }
        Metric metric{.aggregate = static_cast<Aggregate>(Pick(static_cast<size_t>(Aggregate::kSequence)))};
        if (Pick(4)) metric.event = Any();
        if (NeedsProperty(metric.aggregate)) metric.property = {Any()};
        if (Pick(3) == 0) metric.property.empty() ? void() : metric.property.push_back(Any());
        if (Pick(3) == 0) metric.filter = Filter(false);
        metric.window = AnyWindow();
        return metric;
    }

    ExprPtr Leaf() {
        static const std::vector<std::string> names = {"id",          "ltv",  "plan", "active", "seen",
                                                       "made",        "born", "span", "mood",   "tags",
                                                       "Order Total", "data", "ratio"};
        switch (Pick(9)) {
            case 0: return Scalar();
            case 1: return Span();
            case 6: return Make(AnyMetric(), 0);
            case 7: return MakeCall(Function::kHoursSince, {Make(AnyMetric(), 0)}, 0);
            case 8:
                return Make(Reference{Reference::Kind::kPath, {Pick(2) ? "profile" : "account", Any()}}, 0);
            case 2: return MakeCall(Function::kNow, {}, 0);
            case 3: return Make(Reference{Reference::Kind::kPath, {Any(), Any()}}, 0);
            default: return Make(Reference{Reference::Kind::kPath, {names[Pick(names.size())]}}, 0);
        }
    }

    std::mt19937 random_;
};

TEST(RuleProperty, PrintedTreesAreReadAgain) {
    Generator generator(20110301);
    for (int round = 0; round < 5'000; ++round) {
        const ExprPtr expr = generator.Expression(1 + round % 6);
        const std::string text = Print(*expr);
        ASSERT_NO_THROW(Parse(text)) << text;
        ASSERT_EQ(Canonical(text), text);
        ASSERT_LE(PrintShort(*expr, 40).size(), 43u);
    }
}

TEST(RuleProperty, ParsingKeepsTheMeaning) {
    // The SQL of a tree and of its text read again are the same; what cannot be compiled fails alike.
    Generator generator(7);
    const auto outcome = [](const Expr& expr) {
        try {
            return Compile(expr, Columns(), Expect::kAny, "clock()").sql;
        } catch (const UserError& error) {
            return error.state() + error.detail();
        }
    };
    int compiled = 0;
    for (int round = 0; round < 5'000; ++round) {
        const ExprPtr expr = generator.Expression(1 + round % 3);
        const std::string sql = outcome(*expr);
        ASSERT_EQ(outcome(*Parse(Print(*expr))), sql) << Print(*expr);
        compiled += sql.find("s.") != std::string::npos;
    }
    EXPECT_GT(compiled, 200);
}

TEST(RuleProperty, ProfileRulesKeepTheirMeaning) {
    Generator generator(11);
    const ProfileNames names{"a", "c", "x", [](size_t n) { return "m" + std::to_string(n); }};
    const auto outcome = [&](const Expr& expr) {
        try {
            const ProfileRule rule = CompileProfile(expr, names, Expect::kAny, "clock()");
            std::string all = rule.sql + rule.until;
            for (const Metric& metric : rule.metrics) {
                EXPECT_EQ(Print(ParseMetric(Print(metric))), Print(metric));
                const MetricSql sql = CompileMetric(metric, "clock()", "UTC", "p");
                all += sql.value + sql.until + sql.oldest;
            }
            return all;
        } catch (const UserError& error) {
            return error.state() + error.detail();
        }
    };
    int compiled = 0;
    for (int round = 0; round < 5'000; ++round) {
        const ExprPtr expr = generator.Expression(1 + round % 3);
        const std::string sql = outcome(*expr);
        ASSERT_EQ(outcome(*Parse(Print(*expr))), sql) << Print(*expr);
        compiled += sql.find("e.name") != std::string::npos;
    }
    EXPECT_GT(compiled, 100);
}

}  // namespace
}  // namespace pulse::rule
