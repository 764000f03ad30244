// Words into the page: always as text, never as HTML.

const DATA = { phantom: "simulated heads (phantoms) alone", hc18: "the training images of HC18" };

/** What the network was trained on, and how it sees a picture. */
export function trainedOn({ data, image_size: [height, width], bytes }) {
  const megabytes = (bytes / 1e6).toFixed(1);
  const images = DATA[data] ?? `the images called ${data}`;
  return `This network was trained on ${images}. It sees ${width} × ${height} pixels and has ${megabytes} MB.`;
}

/** Fill a `dl` with pairs of name and value. */
export function fill(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

/** Fill a `ul` with lines, or say that there is nothing to say. */
export function fillList(list, lines) {
  const words = lines.length > 0 ? lines : ["Nothing odd was found. That does not mean that it is right."];
  list.replaceChildren(...words.map((line) => element("li", line)));
  list.classList.toggle("odd", lines.length > 0);
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}
