#include "pulse/rule/ast.hpp"

#include <algorithm>
#include <utility>

#include "pulse/base/error.hpp"

namespace pulse::rule {

namespace {

size_t DepthAbove(const std::vector<ExprPtr>& children) {
    size_t depth = 0;
    for (const ExprPtr& child : children) depth = std::max(depth, child->depth);
    if (depth >= kMaxDepth)
        throw UserError(
            sqlstate::kProgramLimit, "rule is nested too deeply",
            "A rule may have at most " + std::to_string(kMaxDepth) + " levels.",
            "Join alternatives of one column with \"in\", or split the rule into several segments.");
    return depth + 1;
}

void RequireWidth(size_t count, const char* what) {
    if (count > kMaxList)
        throw UserError(
            sqlstate::kProgramLimit, std::string("too many ") + what + " in rule",
            "There are " + std::to_string(count) + "; at most " + std::to_string(kMaxList) + " are allowed.",
            "Keep long lists in a table and define the segment by a query.");
}

// a && (b && c) is a && b && c.
std::vector<ExprPtr> Flatten(Op op, std::vector<ExprPtr> operands) {
    std::vector<ExprPtr> flat;
    for (ExprPtr& operand : operands) {
        if (const Operation* inner = AsOp(*operand, op))
            flat.insert(flat.end(), inner->operands.begin(), inner->operands.end());
        else
            flat.push_back(std::move(operand));
    }
    RequireWidth(flat.size(), "conditions");
    return flat;
}

std::string Negated(const std::string& digits) {
    if (digits == "0") return digits;
    return digits.front() == '-' ? digits.substr(1) : "-" + digits;
}

ExprPtr MakeNode(Node node, size_t position, size_t depth) {
    return std::make_shared<const Expr>(Expr{std::move(node), position, depth});
}

}  // namespace

ExprPtr Make(Node node, size_t position) {
    size_t depth = 1;
    if (const List* list = std::get_if<List>(&node)) {
        RequireWidth(list->items.size(), "list elements");
        depth = DepthAbove(list->items);
    }
    if (const Elements* elements = std::get_if<Elements>(&node))
        depth = DepthAbove({elements->list, elements->condition});
    if (const Metric* metric = std::get_if<Metric>(&node)) {
        std::vector<ExprPtr> filters;
        if (metric->filter) filters.push_back(metric->filter);
        for (const SequenceStep& step : metric->steps)
            if (step.filter) filters.push_back(step.filter);
        depth = DepthAbove(filters);
    }
    return MakeNode(std::move(node), position, depth);
}

std::span<const ExprPtr> OperandsOf(const Expr& expr) {
    if (const Elements* elements = As<Elements>(expr)) return {&elements->list, 1};
    if (const Call* call = As<Call>(expr)) return call->arguments;
    if (const Operation* operation = As<Operation>(expr)) return operation->operands;
    return {};
}

ExprPtr MakeCall(Function function, std::vector<ExprPtr> arguments, size_t position) {
    const size_t depth = DepthAbove(arguments);
    return MakeNode(Call{function, std::move(arguments)}, position, depth);
}

ExprPtr MakeOperation(Op op, std::vector<ExprPtr> operands, size_t position) {
    if (op == Op::kOr || op == Op::kAnd || op == Op::kCoalesce) {
        if (operands.size() == 1) return operands.front();
        operands = Flatten(op, std::move(operands));
    }
    if (op == Op::kNegate) {
        if (const Number* number = As<Number>(*operands.front()))
            return MakeNode(Number{Negated(number->digits)}, position, 1);
    }
    if (op == Op::kNot) {
        // Also with three values: not exists x is x is null.
        if (const Operation* inner = AsOp(*operands.front(), Op::kNot)) return inner->operands.front();
    }
    if (op == Op::kEqual || op == Op::kNotEqual) {
        // A comparison with the literal null tests for a value.
        const bool left = As<Null>(*operands[0]), right = As<Null>(*operands[1]);
        if (left || right) {
            ExprPtr test = MakeOperation(Op::kIsNull, {operands[right ? 0 : 1]}, position);
            return op == Op::kEqual ? test : MakeOperation(Op::kNot, {std::move(test)}, position);
        }
    }
    const size_t depth = DepthAbove(operands);
    return MakeNode(Operation{op, std::move(operands)}, position, depth);
}

}  // namespace pulse::rule
