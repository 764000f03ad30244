// The page's line to the worker that runs Python. One run at a time; a run that does not end is ended with its worker.

const LIMIT_S = 10;
const STOPPED = "Stopped.";
const TOO_LONG = `Stopped after ${LIMIT_S} seconds. Is there a loop without an end?`;
const BROKEN = "Python broke down over this code, for instance by endless recursion or for want of memory. It starts anew with the next run.";

let worker;
let finish; // ends the current run with what is to be said

/** Whether a run is going on. */
export const isRunning = () => Boolean(finish);

/** End the current run. */
export const stop = () => finish?.({ why: STOPPED }, true);

/** Run `{ chapter, name, code }`; resolves to `{ right, why }`. `loaded` gets shares of 1, `printed` texts. */
export function run(task, { loaded, running, printed }) {
  worker ??= start();
  return new Promise((resolve) => {
    let clock;
    finish = (answer, anew = false) => {
      clearTimeout(clock);
      finish = undefined;
      if (anew) {
        worker.terminate();
        worker = undefined;
      }
      resolve(answer);
    };
    worker.onerror = () => finish?.({ why: BROKEN }, true);
    worker.onmessage = ({ data }) => {
      if ("loaded" in data) loaded(data.loaded);
      if ("printed" in data) printed(data.printed);
      if ("problem" in data) finish?.({ why: data.problem }, true);
      if ("broken" in data) finish?.({ why: BROKEN }, true);
      if ("answer" in data) finish?.(data.answer);
      if ("running" in data) {
        running();
        clock = setTimeout(() => finish?.({ why: TOO_LONG }, true), 1000 * LIMIT_S);
      }
    };
    worker.postMessage(task);
  });
}

function start() {
  // A worker made from a blob is under the page's content-security policy; one from an address would be under none.
  const script = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
  const blob = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return new Worker(blob, { type: "module" });
}
