#include "pulse/rule/print.hpp"

#include "pulse/base/error.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/lexer.hpp"
#include "pulse/rule/literal.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/rule/operators.hpp"

namespace pulse::rule {

namespace {

// The precedence of a construct; a weaker one inside a stronger one needs parentheses.
enum Strength {
    kOrStrength,
    kAndStrength,
    kNotStrength,
    kCompareStrength,
    kSumStrength,
    kProductStrength,
    kCoalesceStrength,
    kUnaryStrength,
    kPrimaryStrength
};

std::string QuoteRuleText(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        switch (c) {
            case '"': quoted += "\\\""; break;
            case '\\': quoted += "\\\\"; break;
            case '\b': quoted += "\\b"; break;
            case '\n': quoted += "\\n"; break;
            case '\r': quoted += "\\r"; break;
            case '\t': quoted += "\\t"; break;
            default: quoted += c;
        }
    }
    return quoted + "\"";
}

// Stops when the text exceeds the limit, so that shortening a huge rule is cheap.
class Printer {
  public:
    explicit Printer(size_t limit) : limit_(limit) {}

    std::string Take() { return std::move(text_); }

    void Print(const Expr& expr, Strength around) {
        if (text_.size() > limit_) return;
        const bool parentheses = StrengthOf(expr) < around;
        if (parentheses) text_ += '(';
        std::visit([&](const auto& node) { Write(node); }, expr.node);
        if (parentheses) text_ += ')';
    }

  private:
    static Strength StrengthOf(const Expr& expr) {
        if (const Number* number = As<Number>(expr))
            return number->digits.front() == '-' ? kUnaryStrength : kPrimaryStrength;
        const Operation* operation = As<Operation>(expr);
        if (!operation) return kPrimaryStrength;
        switch (operation->op) {
            case Op::kOr: return kOrStrength;
            case Op::kAnd: return kAndStrength;
            case Op::kNot: return SpeltWithNot(*operation->operands[0]) ? kCompareStrength : kNotStrength;
            case Op::kAdd:
            case Op::kSubtract: return kSumStrength;
            case Op::kMultiply:
            case Op::kDivide:
            case Op::kModulo: return kProductStrength;
            case Op::kCoalesce: return kCoalesceStrength;
            case Op::kNegate: return kUnaryStrength;
            default: return kCompareStrength;
        }
    }

    // Operators with a negative of their own: x not in […], x is not null.
    static bool SpeltWithNot(const Expr& expr) {
        const Operation* operation = As<Operation>(expr);
        if (!operation) return false;
        switch (operation->op) {
            case Op::kIn:
            case Op::kBetween:
            case Op::kIsNull:
            case Op::kContains:
            case Op::kContainsAny:
            case Op::kContainsAll:
            case Op::kStartsWith:
            case Op::kEndsWith:
            case Op::kMatches:
            case Op::kWithinLast:
            case Op::kBeforeLast: return true;
            default: return false;
        }
    }

    void Write(const Null&) { text_ += "null"; }
    void Write(const Boolean& node) { text_ += node.value ? "true" : "false"; }
    void Write(const Number& node) { text_ += node.digits; }
    void Write(const Text& node) { text_ += QuoteRuleText(node.value); }
    void Write(const Duration& node) { text_ += PrintDuration(node.seconds); }

    void Write(const List& node) {
        text_ += "list(";
        WriteAll(node.items, ", ", kUnaryStrength, kUnaryStrength);
        text_ += ')';
    }

    void Write(const Metric& node) {
        if (node.aggregate == Aggregate::kSequence) return WriteSequence(node);
        if (node.aggregate == Aggregate::kStatic) {
            text_ += std::string(Name(node.aggregate)) + "(" + std::to_string(node.segment) + ")";
            return;
        }
        if (node.aggregate == Aggregate::kConsent) {
            text_ += std::string(Name(node.aggregate)) + "." + node.purpose;
            return;
        }
        WriteEvents(node.event, node.filter);
        text_ += std::string(".") + Name(node.aggregate);
        const bool windowed = node.window.kind != Window::Kind::kAll;
        if (node.property.empty() && !windowed) return;
        text_ += '(';
        if (!node.property.empty()) WritePath(node.property);
        if (!node.property.empty() && windowed) text_ += ", ";
        if (windowed) Write(node.window);
        text_ += ')';
    }

    void Write(const Window& window) {
        if (window.kind == Window::Kind::kSliding) {
            text_ += PrintDuration(window.from);
            if (window.to > 0) text_ += ".." + PrintDuration(window.to);
            return;
        }
        const char* const unit = window.unit == Window::Unit::kDay    ? " day"
                                 : window.unit == Window::Unit::kWeek ? " week"
                                                                      : " month";
        text_ += "calendar " + std::to_string(window.count) + unit + (window.count > 1 ? "s" : "");
    }

    void WriteEvents(const std::string& event, const ExprPtr& filter) {
        text_ += "events";
        if (event.empty())
            text_ += ".*";
        else
            WriteName(event);
        if (!filter) return;
        text_ += '{';
        Print(*filter, kOrStrength);
        text_ += '}';
    }

    void WriteSequence(const Metric& node) {
        text_ += "sequence(";
        for (const SequenceStep& step : node.steps) {
            if (&step != &node.steps.front()) text_ += " -> ";
            if (step.within > 0) text_ += "within " + PrintDuration(step.within) + " ";
            if (step.absent) text_ += "no ";
            WriteEvents(step.event, step.filter);
        }
        if (node.window.kind == Window::Kind::kSliding) text_ += ", in " + PrintDuration(node.window.from);
        text_ += ')';
    }

    // A name after others in a path.
    void WriteName(const std::string& name) {
        text_ += IsBareName(name) ? "." + name : "[" + QuoteRuleText(name) + "]";
    }

    void WritePath(const std::vector<std::string>& path) {
        // Unquoted, events.x would parse as a metric.
        const bool quoted = path.size() > 1 && path[0] == "events";
        text_ += quoted ? "`events`" : PrintName(path[0]);
        for (size_t i = 1; i < path.size(); ++i) WriteName(path[i]);
    }

    void Write(const Reference& node) {
        if (node.kind == Reference::Kind::kStep || node.kind == Reference::Kind::kElement) {
            text_ += '$';
            for (const std::string& name : node.path) WriteName(name);
            return;
        }
        if (node.kind != Reference::Kind::kPath) {
            text_ += node.kind == Reference::Kind::kTrait ? "trait(" : "segment(";
            text_ += QuoteRuleText(node.path[0]) + ")";
            return;
        }
        WritePath(node.path);
    }

    void Write(const Call& node) {
        if (const Metric* metric = node.arguments.empty() ? nullptr : As<Metric>(*node.arguments[0])) {
            // minutes_since(events.x.last_seen) is events.x.last_seen_minutes_ago.
            const std::string ago = TimeSinceName(metric->aggregate, node.function);
            if (!ago.empty() && metric->window.kind == Window::Kind::kAll) {
                WriteEvents(metric->event, metric->filter);
                text_ += "." + ago;
                return;
            }
        }
        text_ += Name(node.function);
        if (node.function == Function::kNow) return;
        text_ += '(';
        WriteAll(node.arguments, ", ", kOrStrength, kOrStrength);
        text_ += ')';
    }

    void Write(const Elements& node) {
        text_ += node.all ? "all(" : "any(";
        Print(*node.list, kOrStrength);
        text_ += ", ";
        Print(*node.condition, kOrStrength);
        text_ += ')';
    }

    void Write(const Operation& node) {
        const std::string word = std::string(" ") + Spelling(node.op) + " ";
        switch (node.op) {
            case Op::kOr: return WriteAll(node.operands, word, kAndStrength, kAndStrength);
            case Op::kAnd: return WriteAll(node.operands, word, kNotStrength, kNotStrength);
            case Op::kCoalesce: return WriteAll(node.operands, word, kUnaryStrength, kUnaryStrength);
            case Op::kNot: return WriteNot(*node.operands[0]);
            case Op::kNegate:
                text_ += '-';
                // Avoids the confusing "--".
                return Print(*node.operands[0], kPrimaryStrength);
            case Op::kAdd:
            case Op::kSubtract: return WriteAll(node.operands, word, kSumStrength, kProductStrength);
            case Op::kMultiply:
            case Op::kDivide:
            case Op::kModulo: return WriteAll(node.operands, word, kProductStrength, kCoalesceStrength);
            default: return WriteComparison(node, "");
        }
    }

    void WriteNot(const Expr& operand) {
        if (SpeltWithNot(operand)) return WriteComparison(*As<Operation>(operand), "not ");
        text_ += "not ";
        Print(operand, kNotStrength);
    }

    void WriteComparison(const Operation& node, const char* negation) {
        Print(*node.operands[0], kSumStrength);
        if (node.op == Op::kIsNull) {
            text_ += std::string(" is ") + negation + "null";
            return;
        }
        text_ += std::string(" ") + negation + Spelling(node.op) + " ";
        if (const List* list = As<List>(*node.operands[1]); list && TakesList(node.op)) {
            text_ += '[';
            WriteAll(list->items, ", ", kUnaryStrength, kUnaryStrength);
            text_ += ']';
            return;
        }
        Print(*node.operands[1], kSumStrength);
        if (node.op != Op::kBetween) return;
        text_ += " and ";
        Print(*node.operands[2], kSumStrength);
    }

    void WriteAll(const std::vector<ExprPtr>& exprs, const std::string& between, Strength first,
                  Strength others) {
        for (size_t i = 0; i < exprs.size() && text_.size() <= limit_; ++i) {
            if (i > 0) text_ += between;
            Print(*exprs[i], i == 0 ? first : others);
        }
    }

    std::string text_;
    size_t limit_;
};

std::string PrintUpTo(const Expr& expr, size_t limit) {
    Printer printer(limit);
    printer.Print(expr, kOrStrength);
    return printer.Take();
}

}  // namespace

std::string Print(const Expr& expr) {
    return PrintUpTo(expr, std::string::npos);
}

std::string PrintShort(const Expr& expr, size_t limit) {
    return Shorten(PrintUpTo(expr, limit), limit);
}

std::string Print(const Metric& metric) {
    return Print(*Make(metric, 0));
}

void RequireSize(const Expr& expr) {
    const size_t size = PrintUpTo(expr, kMaxText).size();
    if (size > kMaxText)
        throw UserError(sqlstate::kProgramLimit, "rule is too long",
                        "Its canonical text has more than " + std::to_string(kMaxText) + " bytes.",
                        "Keep long lists in a table and define the segment by a query.");
}

std::string PrintName(std::string_view name) {
    if (IsBareName(name) && !IsReserved(name)) return std::string(name);
    if (name.empty()) return "[\"\"]";
    std::string quoted = "`";
    for (const char c : name) quoted += c == '`' ? std::string("``") : std::string(1, c);
    return quoted + "`";
}

}  // namespace pulse::rule
