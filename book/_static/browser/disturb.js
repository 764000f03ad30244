// What an examination may do to a picture, on three sliders: brightness, the shadow behind bone, blur.

/** A new picture; `gain` doubles the brightness with each 1, `shadow` is 0 to 1, `blur` a radius in % of the width. */
export function disturb({ grey, width, height }, { gain, shadow, blur }) {
  const bright = 2 ** gain;
  const columns = Float32Array.from({ length: width }, (_, x) => {
    const beside = (x / width - 0.5) / 0.1; // the shadow falls straight down in the middle
    return bright * (1 - shadow * Math.exp(-(beside ** 2) / 2));
  });
  let values = Float32Array.from(grey, (value, pixel) => value * columns[pixel % width]);
  const radius = Math.round((blur / 100) * width);
  for (let turn = 0; radius > 0 && turn < 2; turn += 1) {
    values = boxBlur(values, { count: height, step: width }, { count: width, step: 1 }, radius);
    values = boxBlur(values, { count: width, step: 1 }, { count: height, step: width }, radius);
  }
  return { grey: Uint8Array.from(values, (value) => Math.min(Math.max(Math.round(value), 0), 255)), width, height };
}

/** The mean over `2 radius + 1` neighbours along each line; at the border over those that are there. */
function boxBlur(values, lines, along, radius) {
  const blurred = new Float32Array(values.length);
  for (let line = 0; line < lines.count; line += 1) {
    const at = (k) => line * lines.step + k * along.step;
    let [sum, count] = [0, 0];
    for (let k = 0; k < Math.min(radius, along.count); k += 1, count += 1) sum += values[at(k)];
    for (let k = 0; k < along.count; k += 1) {
      if (k + radius < along.count) [sum, count] = [sum + values[at(k + radius)], count + 1];
      if (k - radius > 0) [sum, count] = [sum - values[at(k - radius - 1)], count - 1];
      blurred[at(k)] = sum / count;
    }
  }
  return blurred;
}

/** Show grey values on a canvas of their size. */
export function paint(canvas, { grey, width, height }) {
  const layer = new ImageData(width, height);
  grey.forEach((value, pixel) => layer.data.set([value, value, value, 255], 4 * pixel));
  canvas.getContext("2d").putImageData(layer, 0, 0);
}
