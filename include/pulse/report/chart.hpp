// Charts as inline SVG. Each has role="img" and a title; their numbers stand in a table beside them. Pure
// C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/report/html.hpp"

namespace pulse::report {

struct Point {
    Moment at = 0;
    double value = 0;
};

// The range in which values are expected.
struct Band {
    double low = 0, high = 0;
};

struct Line {
    std::string title;
    std::vector<Point> points;  // in the order of time
    std::optional<Band> band;
    Moment from = 0, until = 0;  // of the axis
    std::optional<Moment> mark;  // where the period of the report begins
    std::string from_label, until_label;
};

// A line with its expected band, as wide as its container.
void DrawLine(HtmlWriter& html, const Line& line);
// The same in the height of a line of text, without axes.
void DrawSparkline(HtmlWriter& html, const Line& line);

struct Bar {
    std::string label;
    double value = 0;
};
// Upright bars that begin at 0.
void DrawBars(HtmlWriter& html, const std::string& title, const std::vector<Bar>& bars);

// "12,345", "3.2 M": short enough for an axis.
std::string ShortNumber(double value);

}  // namespace pulse::report
