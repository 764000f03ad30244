// Ellipses `{ x, y, a, b, angle }`: centre and semi-axes in px, the angle of `a` in radians from the x axis
// towards the y axis (clockwise on the screen).

/** Perimeter by Ramanujan's second formula. */
export function circumference({ a, b }) {
  const h = ((a - b) / (a + b)) ** 2;
  return Math.PI * (a + b) * (1 + (3 * h) / (10 + Math.sqrt(4 - 3 * h)));
}

/** The point at `turn` (radians, 0 at the end of the axis `a`): `[x, y]`. */
export function pointAt({ x, y, a, b, angle }, turn) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [u, v] = [a * Math.cos(turn), b * Math.sin(turn)];
  return [x + u * cos - v * sin, y + u * sin + v * cos];
}

/** Fit an ellipse to points `[x, y]` by direct least squares; `null` where none fits.
 *
 * Fitzgibbon et al. 1999, doi:10.1109/34.765658, split in two as by Halíř and Flusser 1998, so that three
 * of the six coefficients come from a 3 × 3 eigenvalue problem.
 */
export function fitEllipse(points) {
  const middle = mean(points);
  const unit = Math.sqrt(mean(points.map(([x, y]) => [(x - middle[0]) ** 2 + (y - middle[1]) ** 2, 0]))[0]);
  if (!(unit > 1e-6)) return null;
  // Around their own middle and of size one, the points' fourth powers stay well apart from rounding.
  const scaled = points.map(([x, y]) => [(x - middle[0]) / unit, (y - middle[1]) / unit]);
  const conic = fitConic(scaled);
  const found = conic && toEllipse(conic);
  if (!found) return null;
  const { x, y, a, b, angle } = found;
  return { x: middle[0] + x * unit, y: middle[1] + y * unit, a: a * unit, b: b * unit, angle };
}

function mean(points) {
  const sum = points.reduce(([x, y], point) => [x + point[0], y + point[1]], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** Coefficients of `x², xy, y², x, y, 1` with `4ac − b² > 0`. */
function fitConic(points) {
  const [s1, s2, s3] = [zeros(), zeros(), zeros()]; // quadratic², quadratic × linear, linear²
  for (const [x, y] of points) {
    const quadratic = [x * x, x * y, y * y];
    const linear = [x, y, 1];
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        s1[i][j] += quadratic[i] * quadratic[j];
        s2[i][j] += quadratic[i] * linear[j];
        s3[i][j] += linear[i] * linear[j];
      }
    }
  }
  const inverse = invert(s3);
  if (!inverse) return null;
  const toLinear = multiply(inverse, transpose(s2)).map((row) => row.map((value) => -value));
  const product = multiply(s2, toLinear);
  const reduced = s1.map((row, i) => row.map((value, j) => value + product[i][j]));
  const [first, second, third] = reduced; // the constraint's inverse times it:
  const matrix = [third.map((v) => v / 2), second.map((v) => -v), first.map((v) => v / 2)];
  for (const value of eigenvalues(matrix)) {
    const quadratic = eigenvector(matrix, value);
    if (quadratic && 4 * quadratic[0] * quadratic[2] - quadratic[1] ** 2 > 0) {
      return [...quadratic, ...toLinear.map((row) => dot(row, quadratic))];
    }
  }
  return null;
}

function toEllipse([p, q, r, s, t, f]) {
  const discriminant = 4 * p * r - q * q;
  const [x, y] = [(q * t - 2 * r * s) / discriminant, (q * s - 2 * p * t) / discriminant];
  const level = -(f + (s * x + t * y) / 2); // of the quadratic form on the ellipse, around its centre
  const spread = Math.hypot(p - r, q);
  const [flat, steep] = [(p + r - Math.sign(level) * spread) / 2, (p + r + Math.sign(level) * spread) / 2];
  const [a, b] = [Math.sqrt(level / flat), Math.sqrt(level / steep)];
  const angle = Math.atan2(-Math.sign(level) * q, -Math.sign(level) * (p - r)) / 2;
  return [x, y, a, b].every(Number.isFinite) && b > 0 ? { x, y, a, b, angle } : null;
}

const zeros = () => [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
const dot = (one, other) => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
const transpose = (m) => [0, 1, 2].map((column) => m.map((row) => row[column]));
const multiply = (m, n) => m.map((row) => transpose(n).map((column) => dot(row, column)));
const cross = (u, v) => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];

function invert(m) {
  const [u, v, w] = m;
  const columns = [cross(v, w), cross(w, u), cross(u, v)];
  const determinant = dot(u, columns[0]);
  if (Math.abs(determinant) < 1e-12) return null;
  return transpose(columns).map((row) => row.map((value) => value / determinant));
}

/** The real eigenvalues of a 3 × 3 matrix, from its characteristic cubic. */
function eigenvalues(m) {
  const trace = m[0][0] + m[1][1] + m[2][2];
  const minors =
    m[0][0] * m[1][1] - m[0][1] * m[1][0] +
    (m[0][0] * m[2][2] - m[0][2] * m[2][0]) +
    (m[1][1] * m[2][2] - m[1][2] * m[2][1]);
  const determinant = dot(m[0], cross(m[1], m[2]));
  const third = trace / 3;
  const p = third ** 2 - minors / 3;
  const q = third ** 3 - (trace * minors) / 6 + determinant / 2;
  const root = p ** 3 - q ** 2;
  if (root < 0) {
    const cube = Math.cbrt(q + Math.sign(q) * Math.sqrt(-root));
    return [third + cube + (cube === 0 ? 0 : p / cube)];
  }
  const turn = Math.acos(Math.min(Math.max(q / p ** 1.5, -1), 1)) || 0;
  return [0, 1, 2].map((k) => third + 2 * Math.sqrt(p) * Math.cos((turn - 2 * Math.PI * k) / 3));
}

/** It is at right angles to every row of `m − value`: the longest of the rows' cross products. */
function eigenvector(m, value) {
  const rows = m.map((row, i) => row.map((entry, j) => entry - (i === j ? value : 0)));
  const candidates = [cross(rows[0], rows[1]), cross(rows[1], rows[2]), cross(rows[2], rows[0])];
  const length = (v) => Math.sqrt(dot(v, v));
  const best = candidates.reduce((one, other) => (length(other) > length(one) ? other : one));
  return length(best) > 0 ? best.map((entry) => entry / length(best)) : null;
}
