// The connected parts of a mask. Neighbours share a side: marching squares splits at diagonals as well.

/** Label the parts of `probability > threshold`; returns `{ labels, parts }`, each part with area and box.
 *
 * `labels` is an `Int32Array`: 0 outside, `k + 1` in `parts[k]`. A box is `{ left, top, right, bottom }`, the
 * last two behind the last pixel.
 */
export function findComponents(probability, width, height, threshold) {
  const labels = new Int32Array(width * height);
  const parts = [];
  for (let seed = 0; seed < labels.length; seed += 1) {
    if (labels[seed] !== 0 || !(probability[seed] > threshold)) continue;
    parts.push(flood(probability, labels, { width, height, threshold }, seed, parts.length + 1));
  }
  return { labels, parts };
}

/** The part with the most pixels, the first of equals; `undefined` where there is none. */
export function largest(parts) {
  return parts.reduce((best, part) => (best && best.area >= part.area ? best : part), undefined);
}

function flood(probability, labels, { width, height, threshold }, seed, label) {
  const part = { label, area: 0, left: width, top: height, right: 0, bottom: 0 };
  const waiting = [seed];
  const visit = (pixel) => {
    if (labels[pixel] !== 0 || !(probability[pixel] > threshold)) return;
    labels[pixel] = label;
    waiting.push(pixel);
  };
  labels[seed] = label;
  while (waiting.length > 0) {
    const pixel = waiting.pop();
    const column = pixel % width;
    const row = (pixel - column) / width;
    part.area += 1;
    part.left = Math.min(part.left, column);
    part.top = Math.min(part.top, row);
    part.right = Math.max(part.right, column + 1);
    part.bottom = Math.max(part.bottom, row + 1);
    if (column > 0) visit(pixel - 1);
    if (column < width - 1) visit(pixel + 1);
    if (row > 0) visit(pixel - width);
    if (row < height - 1) visit(pixel + width);
  }
  return part;
}
