// From a probability map to a head: the largest part, its sub-pixel contour, an ellipse, and what to distrust.
// The numbers and the words are those of fetalseg_lib/evaluation/biometry.py and fetalseg_lib/apply/prediction.

import { findComponents, largest } from "./components.js";
import { levelLines } from "./contour.js";
import { fitEllipse } from "./ellipse.js";

const MIN_CONTOUR_POINTS = 12;
const MIN_AXIS_RATIO = 0.3;
const SPECK = 0.01;

/** Measure a map of probabilities at the image's own pixels: `{ status, ellipse, components }`.
 *
 * `ellipse` is `null` unless `status` is "measured" or "cut by border"; `components` leaves specks out.
 */
export function measureHead(probability, width, height, threshold) {
  const { labels, parts } = findComponents(probability, width, height, threshold);
  const head = largest(parts);
  if (!head) return { status: "empty", ellipse: null, components: 0 };
  const components = parts.filter((part) => part.area >= SPECK * head.area).length;
  const points = outerContour(probability, labels, head, width, height, threshold);
  return { ...judge(points, head, width, height), components };
}

/** In words, what to distrust; `outside` is what the training range finds. */
export function findFlags({ status, components }, outside) {
  const flags = [];
  if (status === "cut by border") flags.push("cut by the border");
  else if (status !== "measured") flags.push(`no head (${status})`);
  if (components > 1) flags.push(`several components (${components})`);
  if (outside.length > 0) flags.push(`outside the training range: ${outside.join(", ")}`);
  return flags;
}

function judge(points, head, width, height) {
  if (points.length < MIN_CONTOUR_POINTS) return { status: "too few points", ellipse: null };
  const ellipse = fitEllipse(points);
  if (!ellipse) return { status: "no ellipse", ellipse: null };
  if (ellipse.b < MIN_AXIS_RATIO * ellipse.a) return { status: "sliver", ellipse: null };
  if (ellipse.a > Math.hypot(width, height)) return { status: "no ellipse", ellipse: null };
  const cut = head.left === 0 || head.top === 0 || head.right === width || head.bottom === height;
  return { status: cut ? "cut by border" : "measured", ellipse };
}

/** Points of the outer contour of one part, in the whole image's coordinates.
 *
 * A part that the border cuts has open lines, and all of them are its outer contour; the closed ones are
 * then holes. Otherwise the longest closed line is the outer one.
 */
function outerContour(probability, labels, part, width, height, threshold) {
  const [left, top] = [Math.max(part.left - 1, 0), Math.max(part.top - 1, 0)];
  const [right, bottom] = [Math.min(part.right + 1, width), Math.min(part.bottom + 1, height)];
  const crop = new Float32Array((right - left) * (bottom - top)); // with a margin of one pixel
  for (let row = top, at = 0; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1, at += 1) {
      const pixel = row * width + column;
      const another = labels[pixel] !== 0 && labels[pixel] !== part.label;
      crop[at] = another ? 0 : probability[pixel];
    }
  }
  const lines = levelLines(crop, right - left, bottom - top, threshold);
  const open = lines.filter((line) => !line.closed);
  const longest = lines.reduce((best, line) => (best && best.points.length >= line.points.length ? best : line), null);
  const outer = open.length > 0 ? open : longest ? [longest] : [];
  return outer.flatMap((line) => line.points).map(([x, y]) => [x + left, y + top]);
}
