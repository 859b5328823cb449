// Charts. Observable Plot is brought when the first one is shown; each has a role, a title and the same numbers as a
// table. Colours are those of the style sheet: 'var(--c1)' to 'var(--c8)'.
import { html, useEffect, useRef, useState, Table, count } from './ui.js';

let library = null;
export function loadPlot() {
  library = library || import('./vendor/plot.js');
  return library;
}

export const color = place => `var(--c${place % 8 + 1})`;

// Of more points than a chart can show, those that one sees: of each of its columns the first, the last, and the lowest and highest by each of
// the values. So every peak stays. Points are in the order of `at`, which gives numbers or dates; values that are null count for nothing.
export function thin(points, columns, at, values) {
  columns = Math.max(1, Math.floor(columns));
  if (points.length <= 4 * columns) return points;
  const from = +at(points[0]), span = +at(points[points.length - 1]) - from || 1;
  const kept = new Set();
  for (let begin = 0, end; begin < points.length; begin = end) {
    const column = place => Math.min(columns - 1, Math.floor((at(points[place]) - from) / span * columns));
    const here = column(begin);
    for (end = begin + 1; end < points.length && column(end) === here;) end++;
    kept.add(begin).add(end - 1);
    for (const value of values) {
      let low = -1, high = -1;
      for (let place = begin; place < end; place++) {
        const one = value(points[place]);
        if (one === null || one === undefined) continue;
        if (low < 0 || one < value(points[low])) low = place;
        if (high < 0 || one > value(points[high])) high = place;
      }
      if (low >= 0) kept.add(low).add(high);
    }
  }
  return [...kept].sort((a, b) => a - b).map(place => points[place]);
}

// A chart.
//   title    what it shows, in a sentence: it is read aloud     caption  shown above it (else the title)
//   draw     (Plot, width) => what Plot.plot() takes            legend   [[label, class], …] with classes c1 to c8
//   columns, rows  the numbers, as in Table                     height
export function Chart({ title, caption, draw, legend, columns, rows, height = 220 }) {
  const box = useRef();
  const [width, setWidth] = useState(0);
  const [error, setError] = useState(null);
  const [numbers, setNumbers] = useState(false);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    let gone = false;
    if (width > 0) loadPlot().then(Plot => {
      if (gone || !box.current) return;
      const wanted = draw(Plot, width);
      const svg = Plot.plot({ width, height, marginLeft: 52, marginRight: 16, className: 'plot', style: { background: 'none' }, ...wanted });
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', title);
      const name = document.createElementNS('http://www.w3.org/2000/svg', 'title');
      name.textContent = title;
      svg.prepend(name);
      // The picture has one name; the numbers are in the table.
      for (const part of svg.querySelectorAll('[aria-label], [aria-description]')) { part.removeAttribute('aria-label'); part.removeAttribute('aria-description'); }
      box.current.replaceChildren(svg);
    }).catch(problem => { if (!gone) setError(problem); });
    return () => { gone = true; };
  }, [width, draw, title, height]);
  return html`<figure><figcaption>${caption || title}</figcaption>
    ${legend ? html`<div class="chart-legend">${legend.map(([label, name]) => html`<span key=${label}><i class=${name} aria-hidden="true"></i><bdi>${label}</bdi></span>`)}</div>` : null}
    <div class="chart-box" ref=${box}></div>
    ${error ? html`<p class="hint">The chart cannot be drawn here; its numbers are below.</p>` : null}
    ${columns ? html`<details class="numbers" onToggle=${event => setNumbers(event.target.open)}><summary>Show the numbers</summary>
      ${numbers ? html`<${Table} columns=${columns} rows=${rows} name="numbers" caption=${title} page=${200} />` : null}</details>` : null}</figure>`;
}

// A few sizes as a line: [[at, value], …], oldest first. It needs no library.
export function Sparkline({ points, label, bad }) {
  const values = points.map(([, value]) => value).filter(value => value !== null);
  if (values.length < 2) return html`<span class="soft">–</span>`;
  const low = Math.min(...values), high = Math.max(...values);
  const x = place => (place / (values.length - 1) * 104 + 3).toFixed(1);
  const y = value => (23 - (high === low ? 0.5 : (value - low) / (high - low)) * 20).toFixed(1);
  const text = label || `From ${count(values[0])} to ${count(values[values.length - 1])}; lowest ${count(low)}, highest ${count(high)}`;
  return html`<svg class=${bad ? 'sparkline bad' : 'sparkline'} viewBox="0 0 110 26" role="img" aria-label=${text}>
    <path d=${'M' + values.map((value, place) => x(place) + ' ' + y(value)).join('L')} /><circle cx=${x(values.length - 1)} cy=${y(values[values.length - 1])} r="2.2" /></svg>`;
}
