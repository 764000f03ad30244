// The mask as a tinted layer over the image, and the ellipse as a line that stays thin at any size.

const TINT = [230, 159, 0, 90]; // the orange that the book's figures give to predictions

/** Tint the pixels of `probability` above `threshold` on `canvas`, which lies over the image. */
export function drawMask(canvas, probability, width, height, threshold) {
  canvas.width = width;
  canvas.height = height;
  const layer = new ImageData(width, height);
  for (let pixel = 0; pixel < probability.length; pixel += 1) {
    if (probability[pixel] > threshold) layer.data.set(TINT, 4 * pixel);
  }
  canvas.getContext("2d").putImageData(layer, 0, 0);
}

/** Take away what an earlier image left. */
export function clearMask(canvas) {
  canvas.width = 0;
  canvas.height = 0;
}

/** Put `ellipse` into an SVG that covers an image of `width` by `height`; `null` takes it away. */
export function drawEllipse(svg, ellipse, width, height) {
  svg.setAttribute("viewBox", `-0.5 -0.5 ${width} ${height}`); // the first pixel's centre is at 0
  for (const line of svg.children) {
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
