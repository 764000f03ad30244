// From native pixels to the network's, as fetalseg_lib/data/resize.py does it with OpenCV:
// area means where the image shrinks, bilinear where it grows.
// Pixel centres lie at integers; half a pixel of border belongs to the edge pixels.

/** Resize an image `{ grey, width, height }`, grey as `Uint8Array`, to `width` by `height`. */
export function resizeImage(image, width, height) {
  const shrinks = width <= image.width && height <= image.height;
  return { grey: shrinks ? areaMeans(image, width, height) : bilinear(image, width, height), width, height };
}

function areaMeans(image, width, height) {
  const columns = Array.from({ length: width }, (_, place) => shares(place, image.width, width));
  const grey = new Uint8Array(width * height);
  const means = new Float32Array(width); // of the rows so far; OpenCV sums in this precision too
  const line = new Float32Array(width);
  const halves = image.width === 2 * width && image.height === 2 * height;
  for (let row = 0; row < height; row += 1) {
    means.fill(0);
    const { first, weights } = shares(row, image.height, height);
    weights.forEach((weight, place) => {
      meanColumns(image.grey, (first + place) * image.width, columns, line);
      for (let column = 0; column < width; column += 1) means[column] += weight * line[column];
    });
    for (let column = 0; column < width; column += 1) {
      const mean = means[column];
      grey[row * width + column] = halves ? Math.floor(mean + 0.5) : roundToEven(mean);
    }
  }
  return grey;
}

function meanColumns(grey, start, columns, line) {
  columns.forEach(({ first, weights }, column) => {
    let sum = 0;
    for (let place = 0; place < weights.length; place += 1) sum += weights[place] * grey[start + first + place];
    line[column] = sum;
  });
}

/** Which of `from` pixels the new pixel `place` of `to` covers, and how much of it each of them is. */
function shares(place, from, to) {
  const scale = from / to;
  const start = place * scale;
  const end = Math.min(start + scale, from);
  const edge = 1e-3; // OpenCV leaves thinner slivers out
  const first = Math.ceil(start) - start > edge ? Math.floor(start) : Math.min(Math.ceil(start), from - 1);
  const last = end - Math.floor(end) > edge ? Math.floor(end) : Math.max(Math.floor(end) - 1, first);
  const weights = new Float32Array(last - first + 1);
  for (let at = first; at <= last; at += 1) {
    weights[at - first] = (Math.min(at + 1, end) - Math.max(at, start)) / (end - start);
  }
  return { first, weights };
}

const UNIT = 2048;

/** OpenCV's bilinear resize of bytes, in its integers: weights of 1/2048, and its two roundings down. */
function bilinear(image, width, height) {
  const columns = Array.from({ length: width }, (_, place) => neighbours(place, image.width, width));
  const grey = new Uint8Array(width * height);
  const along = ({ first, second, weight }, start) =>
    (UNIT - weight) * image.grey[start + first] + weight * image.grey[start + second];
  for (let row = 0; row < height; row += 1) {
    const { first, second, weight } = neighbours(row, image.height, height);
    for (let column = 0; column < width; column += 1) {
      const above = along(columns[column], first * image.width) >> 4;
      const below = along(columns[column], second * image.width) >> 4;
      const sum = (((UNIT - weight) * above) >> 16) + ((weight * below) >> 16);
      grey[row * width + column] = (sum + 2) >> 2;
    }
  }
  return grey;
}

function neighbours(place, from, to) {
  const at = Math.min(Math.max((place + 0.5) * (from / to) - 0.5, 0), from - 1);
  const first = Math.floor(at);
  return { first, second: Math.min(first + 1, from - 1), weight: roundToEven((at - first) * UNIT) };
}

function roundToEven(value) {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
