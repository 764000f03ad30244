"""An explorer for a page: which taps of a dilated 3×3 kernel see a small map, without kernel or network.

All controls are the browser's own sliders, so the keyboard reaches them; a click on the map moves the kernel
too. Without scripts the page keeps the drawing and the sentence of the first view.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import product

LARGEST_SIDE, LARGEST_RATE = 64, 24
"""Ends of the sliders. DeepLabv3 is trained on maps of 33 × 33: crops of 513 px at an output stride of 16."""


@dataclass(frozen=True, kw_only=True)
class KernelView:
    """A 3×3 kernel of dilation ``rate`` on a ``side`` × ``side`` map, centred on ``row`` and ``column``.

    Positions count from 0. Raises ``ValueError`` for a map or a rate below 1, and for a centre off the map.

    >>> view = KernelView(side=8, rate=6, row=0, column=0)
    >>> view.seen, view.mean_seen
    (4, 2.25)
    """

    side: int = 8
    rate: int = 6
    row: int = 3
    column: int = 3

    def __post_init__(self) -> None:
        for name, value in (("side", self.side), ("rate", self.rate)):
            if value < 1:
                raise ValueError(f"{name}: expected at least 1, got {value}")
        for name, value in (("row", self.row), ("column", self.column)):
            if not 0 <= value < self.side:
                raise ValueError(f"{name}: expected a position from 0 to {self.side - 1}, got {value}")

    @property
    def taps(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each of the nine taps, on the map or beside it."""
        steps = (-self.rate, 0, self.rate)
        return tuple((self.row + down, self.column + right) for down, right in product(steps, steps))

    @property
    def sees(self) -> tuple[bool, ...]:
        """For each tap whether it lies on the map; the others read padding."""
        return tuple(0 <= row < self.side and 0 <= column < self.side for row, column in self.taps)

    @property
    def seen(self) -> int:
        """How many of the nine taps see data here."""
        return sum(self.sees)

    @property
    def mean_seen(self) -> float:
        """How many see data in the mean over all positions: along each axis, 1 + 2 (side - rate) / side."""
        return (1 + 2 * max(0, self.side - self.rate) / self.side) ** 2

    @property
    def sentence(self) -> str:
        """What the drawing shows."""
        width = 2 * self.rate + 1
        return (
            f"{self.seen} of 9 taps see data at row {self.row + 1}, column {self.column + 1}. "
            f"In the mean over all positions: {self.mean_seen:.2f} of 9. "
            f"The kernel spans {width} × {width}, the map has {self.side} × {self.side}."
        )


def explorer(view: KernelView | None = None) -> str:
    """The explorer as one HTML element with its style and script inside, opened at ``view``.

    Raises ``ValueError`` where the view lies beyond the ends of the sliders.
    """
    view = view or KernelView()
    if view.side > LARGEST_SIDE or view.rate > LARGEST_RATE:
        raise ValueError(
            f"view: expected a side up to {LARGEST_SIDE} and a rate up to {LARGEST_RATE}, "
            f"got {view.side} and {view.rate}"
        )
    sliders = "".join(
        _slider(name, label, value, most)
        for name, label, value, most in (
            ("rate", "Rate", view.rate, LARGEST_RATE),
            ("side", "Rows and columns of the map", view.side, LARGEST_SIDE),
            ("row", "Row of the kernel", view.row + 1, view.side),
            ("column", "Column of the kernel", view.column + 1, view.side),
        )
    )
    return (
        f'<figure class="receptive-field"><style>{_STYLE}</style><form hidden>{sliders}</form>'
        f"{_drawing(view)}"
        '<p class="key"><span class="on">●</span> sees data &nbsp; <span>○</span> falls on padding</p>'
        f'<p class="view" aria-live="polite">{escape(view.sentence)}</p>'
        f"<script>{_SCRIPT}</script></figure>"
    )


def _slider(name: str, label: str, value: int, most: int) -> str:
    return (
        f'<label>{label}: <input type="range" name="{name}" min="1" max="{most}" value="{value}">'
        f'<output name="{name}-now">{value}</output></label>'  # behind: a label's first control is its own
    )


def _drawing(view: KernelView) -> str:
    """The map as squares, the taps as circles, in units of one position; room for the whole kernel around."""
    edge, width = -view.rate, view.side + 2 * view.rate
    taps = "".join(
        f'<circle class="{"on" if sees else "off"}" cx="{column + 0.5}" cy="{row + 0.5}" r="0.36"/>'
        for (row, column), sees in zip(view.taps, view.sees, strict=True)
    )
    return (
        f'<svg viewBox="{edge} {edge} {width} {width}" role="img" aria-label="{escape(view.sentence)}">'
        f'<path class="map" d="{_grid(view.side)}"/>{taps}</svg>'
    )


def _grid(side: int) -> str:
    """The lines of the map as one path.

    >>> _grid(1)
    'M0 0H1M0 0V1M0 1H1M1 0V1'
    """
    return "".join(f"M0 {k}H{side}M{k} 0V{side}" for k in range(side + 1))


_STYLE = """
.receptive-field { margin: 0; padding: 0.6em 0.8em; border: 1px solid var(--line); border-radius: 4px;
  background: var(--paper); color: var(--ink); font-size: 0.9rem;
  --paper: var(--pst-color-background, #fff); --ink: var(--pst-color-text-base, #1a1a1a);
  --line: var(--pst-color-border, #767676); --on: #0072b2; --off: #a34200; }
html[data-theme="dark"] .receptive-field { --on: #56b4e9; --off: #f0a860; }
.receptive-field form { display: grid; gap: 0.4em 1.6em;
  grid-template-columns: repeat(auto-fit, minmax(13em, 1fr)); }
.receptive-field form[hidden] { display: none; }
.receptive-field label { display: flex; flex-wrap: wrap; gap: 0 0.4em; }
.receptive-field output { font-weight: bold; }
.receptive-field input { order: 1; flex: 1 0 100%; min-width: 0; accent-color: var(--on); }
.receptive-field :focus-visible { outline: 2px solid var(--on); outline-offset: 2px; }
.receptive-field svg { display: block; width: 100%; max-width: 26rem; height: auto; margin: 0.6em auto; }
.receptive-field .map { fill: none; stroke: #767676; stroke-width: 1; vector-effect: non-scaling-stroke; }
.receptive-field circle { stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.receptive-field circle.on { fill: var(--on); stroke: var(--on); }
.receptive-field circle.off { fill: var(--paper); stroke: var(--off); }
.receptive-field .key, .receptive-field .view { margin: 0.2em 0; text-align: center; color: inherit; }
.receptive-field .key span { color: var(--off); }
.receptive-field .key .on { color: var(--on); }
"""

_SCRIPT = """
document.querySelectorAll(".receptive-field:not([data-ready])").forEach((figure) => {
  figure.dataset.ready = "";
  const form = figure.querySelector("form"), drawing = figure.querySelector("svg");
  const map = figure.querySelector(".map"), taps = figure.querySelectorAll("circle");
  const {rate, side, row, column} = form.elements;

  const draw = () => {
    row.max = column.max = side.value;  // the browser moves a kernel that would be off the map
    for (const slider of [rate, side, row, column]) form.elements[slider.name + "-now"].value = slider.value;
    const [r, n, y, x] = [rate, side, row, column].map((slider) => Number(slider.value));

    drawing.setAttribute("viewBox", `${-r} ${-r} ${n + 2 * r} ${n + 2 * r}`);
    map.setAttribute("d", [...Array(n + 1).keys()].map((k) => `M0 ${k}H${n}M${k} 0V${n}`).join(""));
    let seen = 0;
    taps.forEach((tap, k) => {
      const down = y - 1 + r * (Math.floor(k / 3) - 1), right = x - 1 + r * (k % 3 - 1);
      const sees = 0 <= down && down < n && 0 <= right && right < n;
      seen += sees;
      tap.setAttribute("class", sees ? "on" : "off");
      tap.setAttribute("cx", right + 0.5);
      tap.setAttribute("cy", down + 0.5);
    });
    const mean = ((1 + 2 * Math.max(0, n - r) / n) ** 2).toFixed(2), width = 2 * r + 1;
    const sentence = `${seen} of 9 taps see data at row ${y}, column ${x}. ` +
      `In the mean over all positions: ${mean} of 9. ` +
      `The kernel spans ${width} × ${width}, the map has ${n} × ${n}.`;
    drawing.setAttribute("aria-label", sentence);
    figure.querySelector(".view").textContent = sentence;
  };

  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  drawing.addEventListener("click", (event) => {
    const toMap = drawing.getScreenCTM().inverse();
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(toMap);
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)], n = Number(side.value);
    if (x < 0 || y < 0 || x >= n || y >= n) return;
    row.value = y + 1;
    column.value = x + 1;
    draw();
  });
  form.hidden = false;
  draw();
});
"""
