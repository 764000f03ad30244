// Five handles on the ellipse: its centre, and both ends of both axes. Each is a button, so that it can be
// reached with Tab and moved with the arrow keys; with the pointer it is dragged.

import { pointAt } from "./ellipse.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const QUARTER = Math.PI / 2;
const SHORTEST = 1; // px, of a semi-axis

const HANDLES = [
  { name: "Centre", turn: null },
  { name: "End of the first axis", turn: 0 },
  { name: "Other end of the first axis", turn: 2 * QUARTER },
  { name: "End of the second axis", turn: QUARTER },
  { name: "Other end of the second axis", turn: 3 * QUARTER },
];

/** Put the handles into `stage`; `changed(ellipse)` is called whenever the reader moves one.
 *
 * Returns `show(ellipse, width, height)`, where `ellipse` may be `null`.
 */
export function makeHandles(stage, changed) {
  let state = { ellipse: null, width: 1, height: 1 };
  const buttons = HANDLES.map((handle) => makeButton(stage, handle));

  const show = (ellipse, width, height) => {
    state = { ellipse, width, height };
    HANDLES.forEach((handle, k) => place(buttons[k], handle, state));
  };
  const move = (handle, target) => {
    const ellipse = moved(state.ellipse, handle, target);
    show(ellipse, state.width, state.height);
    changed(ellipse);
  };
  HANDLES.forEach((handle, k) => {
    const where = () => position(state.ellipse, handle);
    onKeys(buttons[k], ([x, y]) => move(handle, [where()[0] + x, where()[1] + y]));
    const pixels = () => state.width / stage.clientWidth; // of the image, in one of the screen
    onDrag(buttons[k], where, pixels, (target) => move(handle, target));
  });
  return show;
}

/** The ellipse after one of its handles went to `target`: the centre shifts it, an end turns and stretches it. */
export function moved(ellipse, { turn }, target) {
  if (turn === null) return { ...ellipse, x: target[0], y: target[1] };
  const [across, down] = [target[0] - ellipse.x, target[1] - ellipse.y];
  const length = Math.max(Math.hypot(across, down), SHORTEST);
  const angle = Math.atan2(down, across) - turn;
  const first = turn % (2 * QUARTER) === 0;
  return { ...ellipse, [first ? "a" : "b"]: length, angle: Math.atan2(Math.sin(angle), Math.cos(angle)) };
}

function position(ellipse, { turn }) {
  return turn === null ? [ellipse.x, ellipse.y] : pointAt(ellipse, turn);
}

function makeButton(stage, { name, turn }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = turn === null ? "handle centre" : "handle";
  button.dataset.handle = name;
  button.hidden = true;
  stage.append(button);
  return button;
}

/** A handle outside the image, as on a head that the border cuts, is shown at the image's edge. */
function place(button, handle, { ellipse, width, height }) {
  button.hidden = ellipse === null;
  if (ellipse === null) return;
  const [x, y] = position(ellipse, handle);
  const share = (value, length) => 100 * Math.min(Math.max((value + 0.5) / length, 0), 1);
  button.style.left = `${share(x, width)}%`;
  button.style.top = `${share(y, height)}%`;
  button.setAttribute("aria-label", `${handle.name}, at ${x.toFixed(0)} across and ${y.toFixed(0)} down`);
}

function onKeys(button, step) {
  button.addEventListener("keydown", (event) => {
    const direction = STEPS[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // the page would scroll
    step(direction.map((way) => way * (event.shiftKey ? 10 : 1)));
  });
}

function onDrag(button, where, pixels, move) {
  let grip = null; // from the pointer to the handle, so that it does not jump under the finger
  const point = (event) => [event.clientX * pixels(), event.clientY * pixels()];
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    const [[x, y], [atX, atY]] = [where(), point(event)];
    grip = [x - atX, y - atY];
  });
  button.addEventListener("pointermove", (event) => {
    if (grip) move([point(event)[0] + grip[0], point(event)[1] + grip[1]]);
  });
  for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => (grip = null));
}
