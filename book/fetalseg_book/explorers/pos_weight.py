r"""An explorer for the loss: drag the weight of the head's pixels, and see the best outline move.

The border of a head is soft: near it, some would draw the line further in, some further out. Let :math:`p(x)`
be the share of drawings that call the place :math:`x` mm outside the middle line *head*, a logistic curve of
width :math:`s`. A weighted cross-entropy has its minimum where the answer is :math:`w p / (w p + 1 - p)`.
That is one half at :math:`p = 1 / (1 + w)`, so at :math:`x = s \ln w`. An outline that lies everywhere so
much further out is :math:`2 \pi s \ln w` longer, whatever the size of the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np

from fetalseg_book.explorers.frame import framed, slider

_FROM_MM, _TO_MM = -4.0, 8.0
_LEFT, _RIGHT = 40.0, 410.0
_PROBABILITY, _COST = (24.0, 134.0), (178.0, 278.0)
"""Top and bottom of the two drawings, in units of the picture."""
_STEPS = 96
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 1000.0
LEAST_WIDTH, MOST_WIDTH = 0.2, 1.5


@dataclass(frozen=True, kw_only=True)
class EdgeView:
    """A soft edge of ``width_mm`` and a ``weight`` of the head's pixels.

    Raises ``ValueError`` for a weight or a width that is not above 0.

    >>> view = EdgeView(weight=200, width_mm=0.6)
    >>> round(view.shift_mm, 2), round(view.hc_change_mm, 1), round(view.share, 4)
    (3.18, 20.0, 0.005)
    """

    weight: float = 2.3
    width_mm: float = 0.6

    def __post_init__(self) -> None:
        for name, value in (("weight", self.weight), ("width_mm", self.width_mm)):
            if not value > 0 or math.isinf(value):
                raise ValueError(f"{name}: expected a finite number above 0, got {value}")

    @property
    def share(self) -> float:
        """The share of drawings that call the place head, where the best outline lies."""
        return 1 / (1 + self.weight)

    @property
    def shift_mm(self) -> float:
        """How far outside the middle line the best outline lies."""
        return self.width_mm * math.log(self.weight)

    @property
    def hc_change_mm(self) -> float:
        """By how much that makes the head circumference longer."""
        return 2 * math.pi * self.shift_mm

    @property
    def sentence(self) -> str:
        """What the drawing shows."""
        side = "outside" if self.shift_mm >= 0 else "inside"
        turn = "longer" if self.shift_mm >= 0 else "shorter"
        return (
            f"With weight {weight_text(self.weight)}, the best outline lies where "
            f"{100 * self.share:.1f} % of the drawings say head: "
            f"{abs(self.shift_mm):.1f} mm {side} the middle one. "
            f"The head circumference is {abs(self.hc_change_mm):.1f} mm {turn}."
        )

    def curve(self, *, weight: float) -> str:
        """The answer with the least loss along the edge, as a path; weight 1 gives the share itself."""
        x = np.linspace(_FROM_MM, _TO_MM, _STEPS + 1)
        answer = 1 / (1 + np.exp(x / self.width_mm) / weight)
        return _path(x, answer, *_PROBABILITY)

    def cost(self) -> str:
        """The expected cost of an outline at each place, between its least and its largest, as a path."""
        x = np.linspace(_FROM_MM, _TO_MM, _STEPS + 1)
        missed, false = np.logaddexp(0, -x / self.width_mm), np.logaddexp(0, x / self.width_mm)
        cost = np.log(self.weight * missed + false)
        return _path(x, (cost - cost.min()) / (cost.max() - cost.min()), *_COST)


def weight_text(weight: float) -> str:
    """The weight as a reader wants it.

    >>> weight_text(2.26), weight_text(199.6)
    ('2.3', '200')
    """
    return f"{weight:.1f}" if weight < 9.95 else f"{weight:.0f}"


def explorer(view: EdgeView | None = None) -> str:
    """The explorer as one HTML element, opened at ``view``.

    Raises ``ValueError`` where the view lies beyond the ends of the sliders.
    """
    view = view or EdgeView()
    if not (LEAST_WEIGHT <= view.weight <= MOST_WEIGHT and LEAST_WIDTH <= view.width_mm <= MOST_WIDTH):
        raise ValueError(
            f"view: expected a weight of {LEAST_WEIGHT:g} to {MOST_WEIGHT:g} and an edge of "
            f"{LEAST_WIDTH:g} to {MOST_WIDTH:g} mm, got {view.weight:g} and {view.width_mm:g}"
        )
    sliders = slider(
        "weight",
        "Weight of a head pixel",
        value=math.log10(view.weight),
        least=math.log10(LEAST_WEIGHT),
        most=math.log10(MOST_WEIGHT),
        step=0.01,
        shown=weight_text(view.weight),
    ) + slider(
        "edge",
        "Width of the soft edge (mm)",
        value=view.width_mm,
        least=LEAST_WIDTH,
        most=MOST_WIDTH,
        step=0.1,
        shown=f"{view.width_mm:.1f}",
    )
    body = (
        f"<form hidden>{sliders}</form>{_drawing(view)}"
        f'<p class="view" aria-live="polite">{escape(view.sentence)}</p>'
    )
    return framed("pos-weight", body, style=_STYLE, script=_SCRIPT)


def _drawing(view: EdgeView) -> str:
    """The edge above, the cost of each outline below, on one scale of millimetres."""
    at = _across(view.shift_mm)
    ticks = "".join(
        f'<text x="{_across(mm):.1f}" y="296" text-anchor="middle">{mm}</text>' for mm in range(-4, 9, 2)
    )
    frame = "".join(
        f'<path class="axis" d="M{_LEFT:g} {top:g}V{bottom:g}H{_RIGHT:g}"/>'
        for top, bottom in (_PROBABILITY, _COST)
    )
    middle = (_PROBABILITY[0] + _PROBABILITY[1]) / 2
    return (
        f'<svg viewBox="0 0 420 318" role="img" aria-label="{escape(view.sentence)}">{frame}'
        f'<path class="guide" d="M{_LEFT:g} {middle:g}H{_RIGHT:g}'
        f'{_upright(f"{_across(0):.1f}")}"/>'
        f'<path class="share" d="{view.curve(weight=1)}"/>'
        f'<path class="answer" d="{view.curve(weight=view.weight)}"/>'
        f'<path class="cost" d="{view.cost()}"/>'
        f'<path class="best" d="{_upright(f"{at:.1f}")}"/>'
        f'<text x="{_LEFT:g}" y="15">Who says head? <tspan class="share">all drawings</tspan>, '
        '<tspan class="answer">the best answer</tspan></text>'
        f'<text x="{_LEFT:g}" y="169">What an outline drawn here costs (logarithm)</text>'
        f'<text x="34" y="{_PROBABILITY[0] + 9:g}" text-anchor="end">1</text>'
        f'<text x="34" y="{middle + 4:g}" text-anchor="end">½</text>'
        f'<text x="34" y="{_PROBABILITY[1]:g}" text-anchor="end">0</text>{ticks}'
        '<text x="225" y="314" text-anchor="middle">mm outside the middle line</text></svg>'
    )


def _upright(x: str) -> str:
    """A line at ``x`` through both panels, with a gap for the words between them."""
    return "".join(f"M{x} {top:g}V{bottom:g}" for top, bottom in (_PROBABILITY, _COST))


def _across(mm: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (mm - _FROM_MM) / (_TO_MM - _FROM_MM)


def _path(x: np.ndarray, share: np.ndarray, top: float, bottom: float) -> str:
    points = (f"{_across(mm):.1f} {bottom - (bottom - top) * s:.1f}" for mm, s in zip(x, share, strict=True))
    return "M" + "L".join(points)


_STYLE = """
.pos-weight svg { max-width: 34rem; }
.pos-weight svg text { font-size: 12px; }
.pos-weight path { fill: none; stroke-width: 2; }
.pos-weight .axis { stroke: var(--ink); stroke-width: 1; }
.pos-weight .guide { stroke: var(--line); stroke-width: 1; stroke-dasharray: 3 3; }
.pos-weight path.share { stroke: var(--ink); stroke-dasharray: 6 3; }
.pos-weight path.answer, .pos-weight path.cost { stroke: var(--one); }
.pos-weight .best { stroke: var(--two); }
.pos-weight tspan { text-decoration: underline; }
.pos-weight tspan.share { text-decoration-style: dashed; }
.pos-weight tspan.answer { fill: var(--one); }
.pos-weight .view { text-align: center; }
"""

_SCRIPT = f"""
  const form = figure.querySelector("form"), drawing = figure.querySelector("svg");
  const {{weight: weights, edge: edges}} = form.elements;
  const [from, to, left, right, steps] = {[_FROM_MM, _TO_MM, _LEFT, _RIGHT, _STEPS]};
  const across = (mm) => left + (right - left) * (mm - from) / (to - from);
  const places = [...Array(steps + 1).keys()].map((k) => from + (to - from) * k / steps);
  const path = (shares, [top, bottom]) => "M" + shares.map((share, k) =>
    `${{across(places[k]).toFixed(1)}} ${{(bottom - (bottom - top) * share).toFixed(1)}}`).join("L");
  const above = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  const draw = () => {{
    const w = 10 ** Number(weights.value), s = Number(edges.value), shift = s * Math.log(w);
    const text = w < 9.95 ? w.toFixed(1) : w.toFixed(0);
    form.elements["weight-now"].value = text;
    form.elements["edge-now"].value = s.toFixed(1);
    weights.setAttribute("aria-valuetext", text);
    const answer = (v) => places.map((x) => 1 / (1 + Math.exp(x / s) / v));
    const costs = places.map((x) => Math.log(w * above(-x / s) + above(x / s)));
    const least = Math.min(...costs), most = Math.max(...costs);
    const put = (name, d) => figure.querySelector("path." + name).setAttribute("d", d);
    put("share", path(answer(1), {list(_PROBABILITY)}));
    put("answer", path(answer(w), {list(_PROBABILITY)}));
    put("cost", path(costs.map((cost) => (cost - least) / (most - least)), {list(_COST)}));
    put("best", `{_upright("${across(shift).toFixed(1)}")}`);
    const out = shift >= 0, mm = (length) => Math.abs(length).toFixed(1);
    const sentence = `With weight ${{text}}, the best outline lies where ` +
      `${{(100 / (1 + w)).toFixed(1)}} % of the drawings say head: ` +
      `${{mm(shift)}} mm ${{out ? "outside" : "inside"}} the middle one. ` +
      `The head circumference is ${{mm(2 * Math.PI * shift)}} mm ${{out ? "longer" : "shorter"}}.`;
    drawing.setAttribute("aria-label", sentence);
    figure.querySelector(".view").textContent = sentence;
  }};
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  draw();
"""
