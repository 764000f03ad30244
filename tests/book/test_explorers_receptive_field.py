"""The receptive-field explorer: its counts against a convolution, its script against its Python, its page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from fetalseg_book.explorers.receptive_field import LARGEST_RATE, LARGEST_SIDE, KernelView, explorer

CASES = [(8, 1), (8, 3), (8, 6), (8, 12), (8, 18), (1, 1), (33, 18), (5, 4), (5, 5)]


def counts_by_convolution(side: int, rate: int) -> torch.Tensor:
    """Ones through a kernel of ones count the taps on the map; padding adds nothing."""
    ones = torch.ones(1, 1, side, side)
    return F.conv2d(ones, torch.ones(1, 1, 3, 3), padding=rate, dilation=rate)[0, 0]


@pytest.mark.parametrize(("side", "rate"), CASES)
def test_counts_are_those_of_a_convolution(side: int, rate: int) -> None:
    counts = counts_by_convolution(side, rate)
    views = [KernelView(side=side, rate=rate, row=k // side, column=k % side) for k in range(side**2)]
    assert [view.seen for view in views] == counts.flatten().int().tolist()
    assert views[0].mean_seen == pytest.approx(counts.double().mean().item())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"side": 0}, "side: expected at least 1, got 0"),
        ({"rate": 0}, "rate: expected at least 1, got 0"),
        ({"row": 8}, "row: expected a position from 0 to 7, got 8"),
        ({"column": -1}, "column: expected a position from 0 to 7, got -1"),
    ],
    ids=["no map", "no rate", "row off the map", "column off the map"],
)
def test_impossible_views_are_refused(given: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        KernelView(**given)


@pytest.mark.parametrize("beyond", [{"side": LARGEST_SIDE + 1}, {"rate": LARGEST_RATE + 1}], ids=str)
def test_views_beyond_the_sliders_are_refused(beyond: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="view: expected a side up to"):
        explorer(KernelView(**beyond))


class _Page(HTMLParser):
    """What stands on a page: tags with their attributes, and how deep each input lies in a label."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unlabelled: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "input":
            if "label" not in self.open:
                self.unlabelled.append(dict(attrs)["name"])
        elif not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag


class TestPage:
    html = explorer(KernelView(side=8, rate=6, row=0, column=7))
    page = _Page(html)

    def test_every_element_closes(self) -> None:
        assert self.page.open == []

    def test_controls_are_labelled_sliders(self) -> None:
        inputs = [attributes for tag, attributes in self.page.tags if tag == "input"]
        assert [each["name"] for each in inputs] == ["rate", "side", "row", "column"]
        assert {each["type"] for each in inputs} == {"range"}
        assert self.page.unlabelled == []

    def test_it_asks_nothing_of_the_network(self) -> None:
        assert not re.search(r"https?:|[\"'(]//|\bsrc=|\bhref=|@import|url\(", self.html)

    def test_without_a_script_the_first_view_stands(self) -> None:
        circles = [attributes for tag, attributes in self.page.tags if tag == "circle"]
        assert [circle["class"] for circle in circles].count("on") == 4
        forms = [attributes for tag, attributes in self.page.tags if tag == "form"]
        assert "hidden" in forms[0]
        assert "4 of 9 taps see data at row 1, column 8." in self.html


_BROWSER = """
// As much of a browser as the script asks for: elements that keep what is set on them.
const fs = require("fs");
const element = (extra = {}) => ({ dataset: {}, attributes: {}, handlers: {},
  setAttribute(name, value) { this.attributes[name] = String(value); },
  addEventListener(name, act) { this.handlers[name] = act; }, ...extra });
const slider = (name) => {
  const made = { name, max: Infinity, held: 1 };
  Object.defineProperty(made, "value", { get: () => String(Math.min(made.held, Number(made.max))),
    set: (value) => { made.held = Number(value); } });
  return made;
};
const elements = {};
for (const name of ["rate", "side", "row", "column"]) {
  elements[name] = slider(name);
  elements[name + "-now"] = {};
}
const parts = { form: element({ elements, hidden: true }), svg: element(), ".map": element(),
  ".view": {} };
const circles = Array.from({ length: 9 }, () => element());
const figure = element({ querySelector: (name) => parts[name], querySelectorAll: () => circles });
global.document = { querySelectorAll: () => [figure] };
const { script, views } = JSON.parse(fs.readFileSync(0, "utf-8"));
eval(script);
console.log(JSON.stringify(views.map(([rate, side, row, column]) => {
  Object.entries({ rate, side, row, column }).forEach(([name, value]) => { elements[name].value = value; });
  parts.form.handlers.input();
  return { sentence: parts[".view"].textContent, viewBox: parts.svg.attributes.viewBox,
    map: parts[".map"].attributes.d,
    taps: circles.map(({ attributes: { cx, cy, class: kind } }) => [Number(cx), Number(cy), kind]) };
})));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the page's script; it is not installed")
def test_the_script_draws_what_python_draws(tmp_path: Path) -> None:
    views = [
        KernelView(side=side, rate=rate, row=side // 2, column=side - 1)
        for side, rate in CASES
        if side <= LARGEST_SIDE and rate <= LARGEST_RATE
    ]
    script = re.findall(r"<script>(.*)</script>", explorer(), flags=re.DOTALL)[0]
    given = {"script": script, "views": [[v.rate, v.side, v.row + 1, v.column + 1] for v in views]}
    browser = tmp_path / "browser.js"
    browser.write_text(_BROWSER, encoding="utf-8")
    ran = subprocess.run(
        ["node", str(browser)], input=json.dumps(given), capture_output=True, text=True, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stderr
    for view, drawn in zip(views, json.loads(ran.stdout), strict=True):
        page = _Page(explorer(view))
        circles = [attributes for tag, attributes in page.tags if tag == "circle"]
        paths = [attributes["d"] for tag, attributes in page.tags if tag == "path"]
        boxes = [attributes["viewbox"] for tag, attributes in page.tags if tag == "svg"]
        assert drawn["sentence"] == view.sentence
        assert drawn["taps"] == [[float(c["cx"] or 0), float(c["cy"] or 0), c["class"]] for c in circles]
        assert [drawn["map"]] == paths
        assert [drawn["viewBox"]] == boxes
