"""The figure as a piece of a web page that answers to pointer and keyboard, without a network.

One part at a time is in the tab order; the arrow keys go to the nearest part in their direction, Home and End
to the first and the last. The panel below speaks politely (``aria-live``). Without scripts the figure stands
as it is, with the totals below and a tooltip on each part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from fetalseg_book.diagram.compose import totals
from fetalseg_book.diagram.parts import Part, Parts
from fetalseg_book.diagram.scene import Scene
from fetalseg_book.diagram.svg import render
from fetalseg_book.diagram.words import flops_text, shape_text


def page(parts: Parts, scene: Scene) -> str:
    """The interactive figure as one HTML element with its style, data and script inside."""
    # "<" could end the script element early; JSON has another spelling for it.
    data = json.dumps(details(parts), ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<figure class="fetalseg-diagram"><style>{_STYLE}</style>'
        f'<div class="drawing">{render(scene, interactive=True)}</div>'
        f'<div class="panel" aria-live="polite"><p><strong>{escape(parts.title)}</strong>: '
        f"{escape(totals(parts))}.</p><p>Point at a part, or press Tab and the arrow keys, "
        f"to see what it is made of.</p></div>"
        f'<script type="application/json">{data}</script><script>{_SCRIPT}</script></figure>'
    )


def details(parts: Parts) -> dict[str, dict[str, object]]:
    """What the panel says of each part, in the order of the data's way."""
    return {
        part.path: {
            "title": f"{part.path}: {part.note}",
            "summary": (
                f"output {shape_text(part.shape)} · {part.parameters:,} parameters, {part.state} · "
                f"{flops_text(part.flops)}"
            ),
            "layers": [
                [layer.text, shape_text(layer.output), f"{layer.parameters:,}", flops_text(layer.flops)]
                for layer in part.layers
            ],
        }
        for part in _all(parts)
    }


def _all(parts: Parts) -> Iterator[Part]:
    yield from (stage.part for stage in parts.encoder)
    yield parts.bottleneck.stage.part
    yield from parts.bottleneck.branches
    if parts.bottleneck.projection:
        yield parts.bottleneck.projection
    for stage in reversed(parts.decoder):
        yield from filter(None, (stage.up, stage.skip_se, stage.part))
        if stage is parts.decoder[-1]:  # the one that the inset enlarges
            yield from filter(None, (*stage.block.convs, stage.block.se, stage.block.shortcut))
    yield parts.head


_STYLE = """
.fetalseg-diagram { margin: 0; background: #fff; color: #1a1a1a; font-family: sans-serif; }
.fetalseg-diagram .drawing { overflow-x: auto; }
.fetalseg-diagram svg { display: block; width: 100%; min-width: 44rem; height: auto; }
.fetalseg-diagram [data-part] { cursor: pointer; outline: none; }
.fetalseg-diagram [data-part]:hover > rect:first-of-type,
.fetalseg-diagram [data-part]:focus > rect:first-of-type { stroke: #000; stroke-width: 4; }
.fetalseg-diagram [data-part]:hover > polyline:not(.reach),
.fetalseg-diagram [data-part]:focus > polyline:not(.reach) { stroke-width: 12; }
.fetalseg-diagram .panel { position: sticky; bottom: 0; max-height: 15em; overflow: auto;
  box-sizing: border-box; padding: 0.4em 0.8em; border: 1px solid #767676; border-radius: 4px;
  background: #fff; font-size: 0.85rem; }
.fetalseg-diagram .panel p { margin: 0.3em 0; color: inherit; }
.fetalseg-diagram .panel table { width: 100%; border-collapse: collapse; color: inherit; }
.fetalseg-diagram .panel th, .fetalseg-diagram .panel td { padding: 0.15em 0.6em; text-align: right;
  border-top: 1px solid #ccc; background: #fff; color: inherit; }
.fetalseg-diagram .panel :is(th, td):first-child { text-align: left; }
"""

_SCRIPT = """
document.querySelectorAll(".fetalseg-diagram:not([data-ready])").forEach((figure) => {
  figure.dataset.ready = "";
  const details = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const panel = figure.querySelector(".panel");
  const groups = new Map();
  figure.querySelectorAll("[data-part]").forEach((group) => groups.set(group.dataset.part, group));
  const parts = Object.keys(details).filter((name) => groups.has(name)).map((name) => groups.get(name));
  figure.querySelectorAll("[data-part] > title").forEach((title) => {  // the panel says more than a tooltip
    const part = title.parentElement;
    if (!part.querySelector("text")) part.setAttribute("aria-label", title.textContent);
    title.remove();
  });

  const element = (kind, text, ...children) => {
    const made = document.createElement(kind);
    made.textContent = text;
    made.append(...children);
    return made;
  };
  const row = (kind, cells) => element("tr", "", ...cells.map((cell) => element(kind, cell)));
  const show = (part) => {
    const { title, summary, layers } = details[part.dataset.part];
    const heading = element("p", "", element("strong", title), element("span", " · " + summary));
    const table = element("table", "", row("th", ["layer", "output", "parameters", "operations"]),
      ...layers.map((layer) => row("td", layer)));
    panel.replaceChildren(heading, ...(layers.length ? [table] : []));
  };
  const choose = (chosen) => parts.forEach((part) => {
    part.setAttribute("tabindex", part === chosen ? "0" : "-1");
    part.setAttribute("aria-selected", String(part === chosen));
  });

  const center = (part) => {
    const box = (part.querySelector("rect") || part).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const nearest = (from, [dx, dy]) => {
    const [x0, y0] = center(from);
    let best = from, least = Infinity;
    parts.forEach((part) => {
      const [x, y] = center(part);
      const along = (x - x0) * dx + (y - y0) * dy;
      const across = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
      if (part !== from && along > 3 && along + 2 * across < least) {
        best = part;
        least = along + 2 * across;
      }
    });
    return best;
  };

  parts.forEach((part) => {
    part.addEventListener("pointerenter", () => show(part));
    part.addEventListener("focus", () => { choose(part); show(part); });
    part.addEventListener("keydown", (event) => {
      const ends = { Home: parts[0], End: parts[parts.length - 1] };
      const next = directions[event.key] ? nearest(part, directions[event.key]) : ends[event.key];
      if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      next.focus();
    });
  });
  choose(parts[0]);
});
"""
