// The mask as a tinted layer with an outline over the image, and the ellipse as a line that stays thin at any size.

const TINT = [230, 159, 0, 60]; // the orange that the book's figures give to predictions
const OUTLINE = [230, 159, 0, 255];

/** Tint the pixels of `probability` above `threshold` on `canvas`, which lies over the image, and outline them. */
export function drawMask(canvas, probability, width, height, threshold) {
  canvas.width = width;
  canvas.height = height;
  const layer = new ImageData(width, height);
  const inside = (pixel) => probability[pixel] > threshold;
  for (let pixel = 0; pixel < probability.length; pixel += 1) {
    if (!inside(pixel)) continue;
    const column = pixel % width;
    const surrounded =
      inside(pixel - width) && inside(pixel + width) && // outside the image is not inside
      column > 0 && inside(pixel - 1) && column < width - 1 && inside(pixel + 1);
    layer.data.set(surrounded ? TINT : OUTLINE, 4 * pixel);
  }
  canvas.getContext("2d").putImageData(layer, 0, 0);
}

/** Take away what an earlier image left. */
export function clearMask(canvas) {
  canvas.width = 0;
  canvas.height = 0;
}

/** Put `ellipse` into the lines of the class `of` in an SVG over an image of `width` by `height`; `null` takes it away. */
export function drawEllipse(svg, ellipse, width, height, of = "own") {
  svg.setAttribute("viewBox", `-0.5 -0.5 ${width} ${height}`); // the first pixel's centre is at 0
  for (const line of svg.getElementsByClassName(of)) {
    if (!ellipse) {
      line.setAttribute("visibility", "hidden");
      continue;
    }
    const { x, y, a, b, angle } = ellipse;
    for (const [name, value] of Object.entries({ cx: x, cy: y, rx: a, ry: b })) line.setAttribute(name, value);
    line.setAttribute("transform", `rotate(${(angle * 180) / Math.PI} ${x} ${y})`);
    line.setAttribute("visibility", "visible");
  }
}
