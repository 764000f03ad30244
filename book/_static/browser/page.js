// The page: from a picture to an ellipse that the reader can move, and to the numbers that are read off it.

import { onFile } from "./choosing.js";
import { disturb, paint } from "./disturb.js";
import { clearMask, drawEllipse, drawMask } from "./draw.js";
import { circumference } from "./ellipse.js";
import { drawChart } from "./growth-chart.js";
import { CHARTS } from "./growth.js";
import { makeHandles } from "./handles.js";
import { startHelper } from "./helper.js";
import { readImage } from "./image.js";
import { findFlags } from "./measure.js";
import { checkRuntime, readCard } from "./network.js";
import { showPictures } from "./pictures.js";
import { describe, readPixelSize } from "./results.js";
import { outside } from "./training-range.js";
import { fill, fillList, trainedOn } from "./words.js";

const root = document.querySelector(".fetalseg-app");
const part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one]));

const sliders = [part.gain, part.shadow, part.blur];

let card; // of the network
let look; // asks the worker
let turn = 0; // counts pictures: an answer that comes after the next picture was chosen is dropped
let shown = null; // { image, undisturbed, canvas, width, height, known, found, ellipse, own }
let looking = null; // the look that the sliders asked for, while it runs

const placeHandles = makeHandles(part.stage, (ellipse) => {
  shown.ellipse = ellipse;
  shown.own = true;
  drawEllipse(part.ellipse, ellipse, shown.width, shown.height);
  report();
});

await start();

async function start() {
  part.waiting.hidden = true;
  try {
    [card] = await Promise.all([readCard(), checkRuntime()]);
  } catch (error) {
    return fail(error);
  }
  look = startHelper();
  part.network.textContent = trainedOn(card);
  part.app.hidden = false;
  onFile(part.file, root, (file) => choose({ name: file.name, read: async () => file }));
  part.size.addEventListener("input", report);
  part.chart.addEventListener("change", report);
  part.showMask.addEventListener("change", () => (part.mask.hidden = !part.showMask.checked));
  part.reset.addEventListener("click", () => show(suggestion(), false));
  for (const slider of sliders) slider.addEventListener("input", lookAgain);
  const chosen = (known, read) => choose({ name: known.title, read, known });
  const first = await showPictures(part.pictures, chosen).catch(fail);
  if (turn === 0 && !navigator.connection?.saveData) first?.();
}

async function choose({ name, read, known = null }) {
  const own = (turn += 1);
  shown = null;
  part.problem.textContent = "";
  part.results.hidden = true;
  part.stage.hidden = true;
  clearMask(part.mask);
  for (const slider of sliders) slider.value = 0;
  part.state.textContent = "The network looks at the picture …";
  try {
    const canvas = document.createElement("canvas");
    const image = await readImage(await read(), canvas);
    const { width, height } = image;
    const undisturbed = canvas.getContext("2d").getImageData(0, 0, width, height);
    const found = await look({ ...image, grey: image.grey.slice() }); // what is sent is gone
    if (own !== turn) return;
    part.image.replaceChildren(canvas);
    shown = { image, undisturbed, canvas, width, height, known, found };
    part.size.value = known ? known.pixel_size_mm : "";
    part.name.textContent = name;
    part.source.textContent = known ? known.source : "Your own picture. It did not leave this page.";
    drawEllipse(part.ellipse, known?.ellipse ?? null, width, height, "reference");
    part.referenceHint.hidden = !known?.ellipse;
    part.stage.hidden = false;
    part.results.hidden = false;
    showAnswer();
    const [load, run] = [found.times.load, found.times.run].map((time) => (time / 1000).toFixed(2));
    part.state.textContent = `Ready. The network was loaded in ${load} s and answered in ${run} s.`;
  } catch (error) {
    if (own === turn) fail(error, name);
  }
}

/** The network looks anew at the picture as the sliders have it; of many moves the last one counts. */
async function lookAgain() {
  if (!shown || looking) return;
  const mine = shown;
  try {
    for (let seen = null; shown === mine && seen !== setting(); ) {
      seen = setting();
      looking = disturbed(mine);
      const found = await look(looking);
      if (shown !== mine) break;
      mine.found = found;
      showAnswer();
    }
  } catch (error) {
    if (shown === mine) fail(error);
  } finally {
    looking = null;
  }
  if (shown && shown !== mine && setting() !== "0,0,0") lookAgain(); // a new picture was moved meanwhile
}

function setting() {
  return sliders.map((slider) => Number(slider.value)).join();
}

/** A copy of the picture with what the sliders do to it, shown on its canvas. */
function disturbed({ image, undisturbed, canvas }) {
  const [gain, shadow, blur] = sliders.map((slider) => Number(slider.value));
  const changed = disturb(image, { gain, shadow, blur });
  if (setting() === "0,0,0") canvas.getContext("2d").putImageData(undisturbed, 0, 0);
  else paint(canvas, changed);
  return changed;
}

function showAnswer() {
  const { found, width, height } = shown;
  drawMask(part.mask, found.probability, width, height, card.threshold);
  show(suggestion(), false);
}

/** The network's ellipse; where it found no head, there is none. */
function suggestion() {
  return shown.found.head.ellipse;
}

function show(ellipse, own) {
  const { width, height } = shown;
  // Without a head the reader gets an ellipse to begin with, and no number before it is moved.
  shown.ellipse = ellipse ?? { x: width / 2, y: height / 2, a: width / 4, b: width / 5, angle: 0 };
  shown.own = own;
  placeHandles(shown.ellipse, width, height);
  drawEllipse(part.ellipse, shown.ellipse, width, height);
  report();
}

function report() {
  if (!shown) return;
  const { found, ellipse, own, known } = shown;
  const size = readPixelSize(part.size.value);
  part.size.setAttribute("aria-invalid", String(Number.isNaN(size)));
  part.sizeProblem.hidden = !Number.isNaN(size);
  const usable = Number.isNaN(size) ? null : size;
  const isThere = own || found.head.ellipse !== null;
  const mm = usable !== null && isThere ? circumference(ellipse) * usable : null;
  part.label.textContent = isThere ? describe(ellipse, usable, CHARTS[part.chart.value])[0][1] : "";
  drawChart(part.growth, CHARTS[part.chart.value], mm);
  part.whose.textContent = own ? "your ellipse" : "the network's ellipse";
  fill(part.numbers, isThere ? describe(ellipse, usable, CHARTS[part.chart.value]) : []);
  const values = { ...found.appearance };
  if (usable !== null) values.pixel_size_mm = usable;
  if (mm !== null) values.hc_mm = mm;
  fillList(part.flags, findFlags(found.head, outside(card.training_range, values)));
  const off = mm !== null && known ? mm - known.hc_mm : NaN;
  part.truth.textContent = known ? truth(known.hc_mm, off) : "";
}

function truth(mm, off) {
  const way = off < 0 ? "short" : "long";
  const difference = Number.isNaN(off) ? "" : ` The ellipse is ${Math.abs(off).toFixed(1)} mm too ${way}.`;
  return `Known of this picture: ${mm.toFixed(1)} mm.${difference}`;
}

/** Say what is wrong; a file's name is shown as text and as nothing else. */
function fail(error, name) {
  part.state.textContent = "";
  part.problem.textContent = name === undefined ? error.message : `${name}: ${error.message}`;
}
