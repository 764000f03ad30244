// What is read off the ellipse, in words. Without a pixel size lengths are in pixels, and there is no age.

import { circumference } from "./ellipse.js";
import { LEVEL, gestationalAge } from "./growth.js";

/** Read "0.13" or "0,13" as mm; `null` where nothing is written, `NaN` for anything but a positive number. */
export function readPixelSize(text) {
  const written = text.trim().replace(",", ".");
  if (written === "") return null;
  const size = /^\d*\.?\d+$|^\d+\.$/.test(written) ? Number(written) : NaN;
  return size > 0 ? size : NaN;
}

/** Lines `[name, value]` for an ellipse in px, a pixel size in mm or `null`, and a growth chart. */
export function describe(ellipse, pixelSize, chart) {
  const [unit, scale, digits] = pixelSize === null ? ["px", 1, 0] : ["mm", pixelSize, 1];
  const length = (value) => `${(value * scale).toFixed(digits)} ${unit}`;
  const [long, short] = [Math.max(ellipse.a, ellipse.b), Math.min(ellipse.a, ellipse.b)];
  return [
    ["Head circumference", length(circumference(ellipse))],
    [`Gestational age, with its ${100 * LEVEL} % interval`, describeAge(circumference(ellipse) * scale, pixelSize, chart)],
    ["Long and short diameter", `${length(2 * long)}, ${length(2 * short)}`],
    ["Cephalic index", `${((100 * short) / long).toFixed(0)} %`],
  ];
}

function describeAge(mm, pixelSize, chart) {
  if (pixelSize === null) return "none without a pixel size";
  const age = gestationalAge(mm, chart);
  if (!age) return `outside the chart, which tells ${chart.firstWeek} to ${chart.lastWeek} weeks`;
  const [weeks, low, high] = [age.weeks, age.low, age.high].map((value) => value.toFixed(1));
  return `${weeks} weeks (${low} to ${high})`;
}
