// The page's line to its worker: one question, one promise.

import { Problem } from "./problem.js";

/** Start the worker; returns `look(image)`, which resolves to what the network found. */
export function startHelper() {
  const waiting = new Map();
  // A worker made from a blob is under the page's content-security policy; one from an address would be under none.
  const script = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
  const blob = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(blob, { type: "module" });
  let questions = 0;

  worker.addEventListener("message", ({ data: { id, found, problem } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (found) resolve(found);
    else reject(new Error(problem));
  });
  worker.addEventListener("error", () => {
    const problem = new Problem("The network's part of the page cannot be started", "Use a current browser.");
    for (const { reject } of waiting.values()) reject(problem);
    waiting.clear();
  });

  return (image) =>
    new Promise((resolve, reject) => {
      const id = (questions += 1);
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, image }, [image.grey.buffer]);
    });
}
