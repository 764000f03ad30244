// The reader's head as a point on the growth chart: the mean, the central 90 %, and the ages that the point allows.

import { LEVEL, Z, gestationalAge } from "./growth.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [300, 200, 38, 30, 8];
const [MOST_WEEKS, MOST_MM] = [42, 400];

const x = (weeks) => LEFT + ((weeks - 12) / (MOST_WEEKS - 12)) * (WIDTH - LEFT - 8);
const y = (mm) => HEIGHT - BOTTOM - (mm / MOST_MM) * (HEIGHT - BOTTOM - TOP);

/** Draw into `svg` the chart, and on it a head of `mm`; `null` draws the chart alone. */
export function drawChart(svg, chart, mm) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  const weeks = Array.from({ length: 60 }, (_, k) => chart.firstWeek + (k / 59) * (chart.lastWeek - chart.firstWeek));
  const line = (z) => weeks.map((week) => [x(week), y(chart.mean(week) + z * chart.sd(week))]);
  const age = mm === null ? null : gestationalAge(mm, chart);
  const make = (kind, attributes) => element(svg.namespaceURI, kind, attributes);
  const text = (words, left, top, anchor) => {
    const made = make("text", { x: left, y: top, "text-anchor": anchor });
    made.textContent = words;
    return made;
  };
  svg.replaceChildren(
    make("polygon", { class: "band", points: [...line(-Z), ...line(Z).reverse()].join(" ") }),
    make("polyline", { class: "mean", points: line(0).join(" ") }),
    make("path", { class: "axes", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - 8}` }),
    ...[15, 20, 25, 30, 35, 40].map((week) => text(week, x(week), HEIGHT - BOTTOM + 13, "middle")),
    ...[100, 200, 300].map((length) => text(length, LEFT - 5, y(length) + 4, "end")),
    text("weeks", WIDTH - 8, HEIGHT - 3, "end"),
    text("mm", LEFT + 4, TOP + 9, "start"),
    ...(age === null ? [] : [
      make("path", { class: "range", d: `M${x(age.low)} ${y(mm)}H${x(age.high)}` }),
      make("circle", { class: "head", cx: x(age.weeks), cy: y(mm), r: 5 }),
    ]),
  );
  const where = age === null ? "No head is on it." : `Your head, ${mm.toFixed(0)} mm, is at ${age.weeks.toFixed(1)} weeks.`;
  svg.setAttribute("aria-label", `Growth chart with its central ${100 * LEVEL} %. ${where}`);
}

function element(space, kind, attributes) {
  const made = document.createElementNS(space, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
