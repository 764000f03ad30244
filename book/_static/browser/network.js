// The network: onnxruntime-web in WebAssembly, one thread, so that any static server will do.
// What it wants as input stands in the card beside it, not here.

import { Problem } from "./problem.js";
import { resizeImage } from "./resize.js";

const CARD = new URL("network/network.json", import.meta.url);
const RUNTIME = new URL("runtime/ort.wasm.min.mjs", import.meta.url);
const GLUE = new URL("runtime/ort-wasm-simd-threaded.mjs", import.meta.url);
const BINARY = new URL("runtime/ort-wasm-simd-threaded.wasm", import.meta.url);

/** What is known of the network: file, input size, threshold, data, training range. */
export async function readCard() {
  const response = await fetch(CARD);
  if (!response.ok) throw absent("network", "from the weights that come with the library");
  return response.json();
}

/** Whether the runtime came with this site; a `Problem` where it did not. */
export async function checkRuntime() {
  const found = await Promise.all([RUNTIME, GLUE, BINARY].map((file) => fetch(file, { method: "HEAD" })));
  if (!found.every((response) => response.ok)) throw absent("runtime", "with npm, which needs a connection once");
}

/** Load runtime and weights; returns `run(image)`, which gives the network's input and its probabilities. */
export async function loadNetwork(card) {
  const [ort, weights] = await Promise.all([import(RUNTIME.href), readWeights(card)]);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { mjs: GLUE.href, wasm: BINARY.href };
  const session = await ort.InferenceSession.create(weights, { executionProviders: ["wasm"] });
  const [height, width] = card.image_size;
  return async (image) => {
    const small = resizeImage(image, width, height);
    const input = new ort.Tensor("float32", Float32Array.from(small.grey), [1, 1, height, width]);
    const found = await session.run({ [card.input]: input }, [card.output]);
    const map = { values: found[card.output].data, width, height };
    return { small, map };
  };
}

async function readWeights(card) {
  const response = await fetch(new URL(card.file, CARD));
  if (!response.ok) throw absent("network", "from the weights that come with the library");
  return new Uint8Array(await response.arrayBuffer());
}

function absent(part, how) {
  return new Problem(
    `The ${part} is not part of this copy of the book`,
    `Building the book fetches or makes it ${how}: run make book again.`,
  );
}
