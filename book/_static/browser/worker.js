// Off the page's own thread, so that the page stays alive while the network looks.
// In: { id, image: { grey, width, height } }. Out: { id, found } or { id, problem }.

import { measureHead } from "./measure.js";
import { toNative } from "./native.js";
import { loadNetwork, readCard } from "./network.js";
import { appearance } from "./training-range.js";

let network; // a promise, once somebody asked

self.addEventListener("message", async ({ data: { id, image } }) => {
  try {
    const found = await look(image);
    self.postMessage({ id, found }, [found.probability.buffer]);
  } catch (error) {
    network = undefined; // the next picture tries again
    self.postMessage({ id, problem: error.message });
  }
});

async function look(image) {
  const begin = performance.now();
  network ??= load();
  const { card, run } = await network;
  const loaded = performance.now();
  const { small, map } = await run(image);
  const { width, height } = image;
  const probability = toNative(map, width, height);
  const head = measureHead(probability, width, height, card.threshold);
  const times = { load: loaded - begin, run: performance.now() - loaded };
  return { probability, head, appearance: appearance(small, image), times };
}

async function load() {
  const card = await readCard();
  return { card, run: await loadNetwork(card) };
}
