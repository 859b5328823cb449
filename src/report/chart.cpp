#include "pulse/report/chart.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pulse/base/number.hpp"

namespace pulse::report {

namespace {

constexpr size_t kMostBars = 62;

// A coordinate: one decimal place.
std::string At(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.1f", std::isfinite(value) ? value : 0.0);
    const std::string number = text;
    return number.ends_with(".0") ? number.substr(0, number.size() - 2) : number;
}

// From values and instants to coordinates.
struct Scale {
    double left = 0, right = 0, top = 0, bottom = 0;
    Moment from = 0, until = 1;
    double low = 0, high = 1;

    double X(Moment at) const {
        const double share =
            static_cast<double>(at - from) / static_cast<double>(std::max<Moment>(until - from, 1));
        return left + std::clamp(share, 0.0, 1.0) * (right - left);
    }
    double Y(double value) const {
        const double span = high - low;
        return bottom - std::clamp(span > 0 ? (value - low) / span : 0.5, 0.0, 1.0) * (bottom - top);
    }
};

Scale ScaleOf(const Line& line, double left, double right, double top, double bottom) {
    Scale scale{left, right, top, bottom, line.from, line.until, 0, 1};
    bool first = true;
    const auto include = [&](double value) {
        if (!std::isfinite(value)) return;
        scale.low = first ? value : std::min(scale.low, value);
        scale.high = first ? value : std::max(scale.high, value);
        first = false;
    };
    for (const Point& point : line.points) include(point.value);
    if (line.band) {
        include(line.band->low);
        include(line.band->high);
    }
    const double room = (scale.high - scale.low) * 0.08;
    scale.low = scale.low >= 0 ? std::max(0.0, scale.low - room) : scale.low - room;
    scale.high += room > 0 ? room : 1;
    return scale;
}

std::string Path(const Line& line, const Scale& scale) {
    std::string path;
    for (const Point& point : line.points)
        path += (path.empty() ? "M" : " L") + At(scale.X(point.at)) + " " + At(scale.Y(point.value));
    return path;
}

void DrawBand(HtmlWriter& html, const Line& line, const Scale& scale) {
    if (!line.band) return;
    const double top = scale.Y(line.band->high), bottom = scale.Y(line.band->low);
    html.Element("rect", "",
                 {{"class", "band"},
                  {"x", At(scale.left)},
                  {"y", At(top)},
                  {"width", At(scale.right - scale.left)},
                  {"height", At(std::max(bottom - top, 1.0))}});
}

void DrawEnd(HtmlWriter& html, const Line& line, const Scale& scale, const char* radius) {
    if (line.points.empty()) return;
    const Point& last = line.points.back();
    const bool outside = line.band && (last.value < line.band->low || last.value > line.band->high);
    html.Element("circle", "",
                 {{"class", outside ? "dot out" : "dot"},
                  {"cx", At(scale.X(last.at))},
                  {"cy", At(scale.Y(last.value))},
                  {"r", radius}});
}

void Rule(HtmlWriter& html, const char* kind, double x1, double y1, double x2, double y2) {
    html.Element("line", "",
                 {{"class", kind}, {"x1", At(x1)}, {"y1", At(y1)}, {"x2", At(x2)}, {"y2", At(y2)}});
}

void Label(HtmlWriter& html, double x, double y, const char* anchor, const std::string& text) {
    html.Element("text", text, {{"x", At(x)}, {"y", At(y)}, {"text-anchor", anchor}});
}

// The smallest of 1, 2, 5 × 10ⁿ that makes at most `most` steps.
double StepOf(double span, int most) {
    if (!(span > 0) || !std::isfinite(span)) return 1;
    const double raw = span / most, power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= raw) return factor * power;
    return 10 * power;
}

void OpenChart(HtmlWriter& html, const char* kind, const char* box, const std::string& title) {
    html.Open("svg", {{"class", kind}, {"viewBox", box}, {"role", "img"}, {"aria-label", title}});
    html.Element("title", title);
}

void DrawGrid(HtmlWriter& html, const Scale& scale, int most) {
    const double step = StepOf(scale.high - scale.low, most);
    double value = std::ceil(scale.low / step) * step;
    for (int i = 0; i <= most && value <= scale.high; ++i, value += step) {
        Rule(html, "grid", scale.left, scale.Y(value), scale.right, scale.Y(value));
        Label(html, scale.left - 6, scale.Y(value) + 4, "end", ShortNumber(value));
    }
}

}  // namespace

std::string ShortNumber(double value) {
    if (!std::isfinite(value)) return "–";
    const double size = std::fabs(value);
    const char* unit = size >= 1e9 ? " G" : size >= 1e6 ? " M" : "";
    const double shown = size >= 1e9 ? value / 1e9 : size >= 1e6 ? value / 1e6 : value;
    if (*unit == 0 && size >= 10) return Thousands(std::llround(shown));
    char text[40];
    std::snprintf(text, sizeof text, "%.2f", shown);
    std::string number = text;
    while (number.back() == '0') number.pop_back();
    if (number.back() == '.') number.pop_back();
    return (number == "-0" ? "0" : number) + unit;
}

void DrawLine(HtmlWriter& html, const Line& line) {
    OpenChart(html, "chart", "0 0 360 140", line.title);
    const Scale scale = ScaleOf(line, 48, 354, 6, 118);
    DrawBand(html, line, scale);
    DrawGrid(html, scale, 4);
    if (line.mark && *line.mark > line.from && *line.mark < line.until)
        Rule(html, "mark", scale.X(*line.mark), scale.top, scale.X(*line.mark), scale.bottom);
    if (line.points.size() > 1) html.Element("path", "", {{"class", "line"}, {"d", Path(line, scale)}});
    DrawEnd(html, line, scale, "4");
    Label(html, scale.left, 134, "start", line.from_label);
    Label(html, scale.right, 134, "end", line.until_label);
    html.Close();
}

void DrawSparkline(HtmlWriter& html, const Line& line) {
    OpenChart(html, "spark", "0 0 120 28", line.title);
    const Scale scale = ScaleOf(line, 3, 117, 3, 25);
    DrawBand(html, line, scale);
    if (line.points.size() > 1) html.Element("path", "", {{"class", "line"}, {"d", Path(line, scale)}});
    DrawEnd(html, line, scale, "2.5");
    html.Close();
}

void DrawBars(HtmlWriter& html, const std::string& title, const std::vector<Bar>& all) {
    // The newest, if there are more than a chart can show.
    const size_t first = all.size() > kMostBars ? all.size() - kMostBars : 0, count = all.size() - first;
    OpenChart(html, "chart bars", "0 0 640 160", title);
    Scale scale{54, 630, 8, 134, 0, 1, 0, 1};
    double highest = 0;
    for (size_t i = first; i < all.size(); ++i) highest = std::max(highest, all[i].value);
    scale.high = highest > 0 ? highest * 1.08 : 1;
    DrawGrid(html, scale, 4);
    const double width = (scale.right - scale.left) / static_cast<double>(std::max<size_t>(count, 1));
    const size_t every = count / 8 + 1;
    for (size_t i = 0; i < count; ++i) {
        const Bar& bar = all[first + i];
        const double x = scale.left + static_cast<double>(i) * width, y = scale.Y(bar.value);
        html.Element("rect", "",
                     {{"class", "bar"},
                      {"x", At(x + width * 0.12)},
                      {"y", At(y)},
                      {"width", At(width * 0.76)},
                      {"height", At(scale.bottom - y)}});
        if (i % every == 0) Label(html, x + width / 2, 152, "middle", bar.label);
    }
    html.Close();
}

}  // namespace pulse::report
