// From the network's map back to the image's own pixels: bilinear, pixel centre to pixel centre, as
// torch.nn.functional.interpolate(mode="bilinear", align_corners=False). Only here may lengths be measured.

/** Bring a map `{ values, width, height }` to `width` by `height`, as `Float32Array` row by row. */
export function toNative(map, width, height) {
  const columns = Array.from({ length: width }, (_, place) => neighbours(place, map.width, width));
  const values = new Float32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const { first, second, share } = neighbours(row, map.height, height);
    const [above, below] = [first * map.width, second * map.width];
    for (let column = 0; column < width; column += 1) {
      const { first: left, second: right, share: part } = columns[column];
      const top = (1 - part) * map.values[above + left] + part * map.values[above + right];
      const bottom = (1 - part) * map.values[below + left] + part * map.values[below + right];
      values[row * width + column] = (1 - share) * top + share * bottom;
    }
  }
  return values;
}

function neighbours(place, from, to) {
  const at = Math.max((place + 0.5) * (from / to) - 0.5, 0);
  const first = Math.min(Math.floor(at), from - 1);
  return { first, second: Math.min(first + 1, from - 1), share: at - first };
}
