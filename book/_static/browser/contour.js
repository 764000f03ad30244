// The level line between pixel centres, by marching squares. A line through the pixel centres themselves
// runs half a pixel too far inside, which shortens a head by about three pixels.

/** Lines where the map `values` (row by row) crosses `level`: each `{ closed, points }` with points `[x, y]`.
 *
 * Where two high pixels meet at a corner only, they are apart.
 */
export function levelLines(values, width, height, level) {
  const crossings = new Map(); // an edge between two pixels → the one or two edges that the line goes on to
  const join = (one, other) => {
    for (const [from, to] of [[one, other], [other, one]]) {
      const known = crossings.get(from);
      if (known) known.push(to);
      else crossings.set(from, [to]);
    }
  };
  for (let row = 0; row + 1 < height; row += 1) {
    for (let column = 0; column + 1 < width; column += 1) marchOver(values, width, row, column, level, join);
  }
  return follow(crossings).map(({ closed, edges }) => ({
    closed,
    points: edges.map((edge) => crossing(values, width, edge, level)),
  }));
}

/** Join the edges that the line crosses in the square whose top left pixel is at `row`, `column`. */
function marchOver(values, width, row, column, level, join) {
  const at = row * width + column;
  const high = (pixel) => (values[pixel] > level ? 1 : 0);
  const corners = high(at) | (high(at + 1) << 1) | (high(at + width) << 2) | (high(at + width + 1) << 3);
  if (corners === 0 || corners === 15) return;
  const [top, left] = [2 * at, 2 * at + 1];
  const [bottom, right] = [2 * (at + width), 2 * (at + 1) + 1];
  if (corners === 9) return void (join(top, left), join(bottom, right));
  if (corners === 6) return void (join(top, right), join(bottom, left));
  const crossed = [];
  if ((corners & 1) !== ((corners >> 1) & 1)) crossed.push(top);
  if ((corners & 1) !== ((corners >> 2) & 1)) crossed.push(left);
  if (((corners >> 1) & 1) !== ((corners >> 3) & 1)) crossed.push(right);
  if (((corners >> 2) & 1) !== ((corners >> 3) & 1)) crossed.push(bottom);
  join(...crossed);
}

/** Follow the joined edges: first the lines that end at the border of the map, then the closed ones. */
function follow(crossings) {
  const seen = new Set();
  const walk = (start) => {
    const edges = [];
    for (let edge = start; edge !== undefined; ) {
      seen.add(edge);
      edges.push(edge);
      edge = crossings.get(edge).find((next) => !seen.has(next));
    }
    return edges;
  };
  const lines = [];
  for (const [edge, next] of crossings) {
    if (next.length === 1 && !seen.has(edge)) lines.push({ closed: false, edges: walk(edge) });
  }
  for (const edge of crossings.keys()) {
    if (!seen.has(edge)) lines.push({ closed: true, edges: walk(edge) });
  }
  return lines;
}

/** Where on an edge the level is reached, linearly between the two pixels: `[x, y]`. */
function crossing(values, width, edge, level) {
  const down = edge % 2 === 1;
  const pixel = (edge - (down ? 1 : 0)) / 2;
  const [from, to] = [values[pixel], values[pixel + (down ? width : 1)]];
  const share = (level - from) / (to - from);
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  return down ? [x, y + share] : [x + share, y];
}
