#include "pulse/report/page.hpp"

#include <algorithm>

#include "pulse/base/number.hpp"
#include "pulse/report/text.hpp"

namespace pulse::report {

namespace {

struct SectionKind {
    const char* name;
    const char* heading;
    void (*add)(HtmlWriter&, const Figures&);
};

constexpr std::array<SectionKind, 9> kSections = {{{"segments", "Segments", AddSegments},
                                                   {"incidents", "Incidents", AddIncidents},
                                                   {"tables", "Tables", AddTables},
                                                   {"events", "Events", AddEvents},
                                                   {"audiences", "Audiences", AddAudiences},
                                                   {"trust", "Trust and actions", AddTrust},
                                                   {"messages", "What was sent", AddMessages},
                                                   {"mission", "Mission", AddMission},
                                                   {"sql", "How this was made", AddSql}}};

constexpr Constant kCss = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#15202b;--soft:#5b6774;--rule:#e3e7ec;--line:#2458d3;--band:#2458d31f;--bar:#5b86e5;--out:#b3261e;
--critical:#a3130b;--high:#b54708;--medium:#8a6100;--low:#475467;--good:#146c43;--tint:1}
@media (prefers-color-scheme:dark){:root{--page:#101418;--card:#191f26;--ink:#e8edf2;--soft:#a0acb8;--rule:#2d3640;--line:#8ab0ff;--band:#8ab0ff26;--bar:#6f9bf5;--out:#ff8f85;
--critical:#ff8f85;--high:#ffb27a;--medium:#ecc35a;--low:#b5c0cc;--good:#6fd6a2}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:20px;margin:0 0 12px}
h3{font-size:15px;margin:16px 0 6px}
p{margin:0 0 8px}
.soft,.note,.more,.facts,footer{color:var(--soft);font-size:13px}
.headline{margin:20px 0 16px;padding:16px 18px;border-radius:10px;background:var(--card);border:1px solid var(--rule);border-left:6px solid var(--low)}
.headline p{margin:0}.headline .first{font-size:18px;font-weight:600;line-height:1.35;margin-bottom:6px}
.headline.critical{border-left-color:var(--critical)}.headline.high{border-left-color:var(--high)}.headline.medium{border-left-color:var(--medium)}.headline.fine{border-left-color:var(--good)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;margin:0 0 16px}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 14px}
.tile b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
nav{margin:0 0 20px;font-size:13px}nav a{display:inline-block;margin:0 14px 6px 0;color:var(--line)}
section{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:20px;margin:0 0 20px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:14px;margin-bottom:12px}
.charts:empty{display:none}
.card{border:1px solid var(--rule);border-radius:10px;padding:12px 14px;margin:0 0 14px}.charts .card{margin:0}
.card h3{margin:0 0 6px}
.wide{overflow-x:auto;margin:0 0 8px}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--soft);font-size:13px;padding:0 0 6px}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:12px;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
tbody tr:last-child td{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.name{font-weight:600;min-width:130px}td.name small{display:block;font-weight:400;color:var(--soft)}
td.trend{min-width:120px}
.out{color:var(--out);font-weight:600}
.badge{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:0 8px;font-size:12px;line-height:18px;font-weight:600;color:var(--low);white-space:nowrap}
.badge.critical{color:var(--critical)}.badge.high{color:var(--high)}.badge.medium{color:var(--medium)}.badge.good{color:var(--good)}
.none,.hidden{color:var(--soft);margin:0}.hidden{font-style:italic}
svg{display:block;overflow:visible}svg.chart{width:100%;height:auto}svg.bars{max-width:760px}svg.spark{width:120px;height:28px}
svg text{fill:var(--soft);font-size:11px}
.line{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.band{fill:var(--band)}.grid{stroke:var(--rule);stroke-width:1}.mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
.bar{fill:var(--bar)}.dot{fill:var(--line)}.dot.out{fill:var(--out)}
details{margin-top:6px;font-size:13px}summary{cursor:pointer;color:var(--soft)}
code,pre{font-family:ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;font-size:12.5px}
pre.sql{background:var(--page);border:1px solid var(--rule);border-radius:8px;padding:10px 12px;margin:0 0 10px;white-space:pre-wrap}
footer{padding-bottom:32px}
@media (max-width:560px){main,header,footer{padding-left:12px;padding-right:12px}section{padding:14px 12px}h1{font-size:23px}.headline .first{font-size:16px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#ccc;--line:#1f4bb8;--band:#1f4bb81f;--bar:#5b86e5;--out:#a3130b;--critical:#a3130b;--high:#b54708;--medium:#8a6100;--low:#475467;--good:#146c43}
body{font-size:11pt}nav,details{display:none}section,.tile,.headline{border-color:#ccc}.card,tr,pre,.tile,svg{break-inside:avoid}h2,h3,caption{break-after:avoid}tbody tr:first-child{break-before:avoid}section,.card{box-decoration-break:clone;-webkit-box-decoration-break:clone}.wide{overflow:visible}}
)css";

void Tile(HtmlWriter& html, const std::string& value, const std::string& label) {
    html.Open("div", {{"class", "tile"}}).Element("b", value).Element("span", label).Close();
}

void Tiles(HtmlWriter& html, const Figures& figures) {
    html.Open("div", {{"class", "tiles"}});
    Tile(html, Thousands(figures.counts.live), "live incidents");
    Tile(html, Thousands(figures.counts.opened),
         "opened in this period, " + Thousands(figures.counts.opened_before) + " before");
    if (figures.options.Has("segments") && figures.segments.hidden.empty())
        Tile(html, Thousands(figures.outside) + " of " + Thousands(figures.segments.total),
             "segments outside the expected size");
    if (figures.options.Has("mission") && figures.mission.share)
        Tile(html, RoundPercent(*figures.mission.share), "of the active segments watched");
    if (figures.options.Has("mission") && figures.mission.lead_time)
        Tile(html, SpanText(*figures.mission.lead_time), "from drift to detection (median)");
    if (figures.options.Has("trust") && figures.health_score)
        Tile(html, ShortNumber(*figures.health_score), "trust score, " + figures.health_status);
    html.Close();
}

void Head(HtmlWriter& html, const Figures& figures) {
    html.Open("head");
    html.Void("meta", {{"charset", "utf-8"}});
    html.Void("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    html.Void("meta", {{"http-equiv", "Content-Security-Policy"},
                       {"content", "default-src 'none'; style-src 'unsafe-inline'"}});
    html.Element("title", TitleOf(figures) + ", " + figures.LocalDay(figures.period.until - 1));
    html.Style(kCss).Close();
}

void Opening(HtmlWriter& html, const Figures& figures) {
    html.Open("header");
    html.Open("h1").Name(TitleOf(figures), 200).Close();
    html.Element("p", PeriodText(figures), {{"class", "soft"}});
    html.Open("div", {{"class", "headline " + Mood(figures)}});
    html.Element("p", Headline(figures), {{"class", "first"}});
    html.Element("p", ChangeSentence(figures));
    html.Close();
    Tiles(html, figures);
    html.Open("nav", {{"aria-label", "Sections"}});
    for (const SectionKind& section : kSections)
        if (figures.options.Has(section.name))
            html.Element("a", section.heading, {{"href", std::string("#") + section.name}});
    html.Close().Close();
}

std::string Write(const Figures& figures) {
    HtmlWriter html;
    html.Doctype().Open("html", {{"lang", "en"}});
    Head(html, figures);
    html.Open("body");
    Opening(html, figures);
    html.Open("main");
    for (const SectionKind& section : kSections) {
        if (!figures.options.Has(section.name)) continue;
        html.Open("section", {{"id", section.name}}).Element("h2", section.heading);
        section.add(html, figures);
        html.Close();
    }
    html.Close().Open("footer");
    html.Element("p", "As of " + figures.Local(figures.made_at) + " (" + figures.zone + "), made by Pulse " +
                          figures.version + " in database " + Brief(figures.database, 63) + " as role " +
                          Brief(figures.role, 63) + ". Each list shows at most " +
                          std::to_string(figures.options.limit) + " rows; the file has at most 4 MB.");
    html.Close().Close().Close();
    return html.Take();
}

template <typename Row>
void Halve(List<Row>& list) {
    list.rows.resize(list.rows.size() / 2);
}

}  // namespace

std::string MakePage(const Figures& figures) {
    std::string page = Write(figures);
    if (page.size() <= kMostBytes) return page;
    Figures fewer = figures;
    while (page.size() > kMostBytes && fewer.options.limit > 1) {
        fewer.options.limit /= 2;
        Halve(fewer.segments);
        Halve(fewer.incidents);
        Halve(fewer.tables);
        Halve(fewer.events);
        Halve(fewer.audiences);
        Halve(fewer.actions);
        Halve(fewer.messages);
        Halve(fewer.campaigns);
        page = Write(fewer);
    }
    return page;
}

}  // namespace pulse::report
