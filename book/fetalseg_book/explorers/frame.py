"""What the explorers share: the frame, its colours in light and dark, and labelled controls."""

from __future__ import annotations

from html import escape

STYLE = """
.explorer { --paper: var(--pst-color-background, #fff); --ink: var(--pst-color-text-base, #1a1a1a);
  --line: var(--pst-color-border, #767676); --one: #0072b2; --two: #a34200;
  margin: 0 0 1.2rem; padding: 0.6em 0.8em; border: 1px solid var(--line); border-radius: 4px;
  background: var(--paper); color: var(--ink); font-size: 0.9rem; }
html[data-theme="dark"] .explorer { --one: #56b4e9; --two: #f0a860; }
.explorer form { display: grid; gap: 0.4em 1.6em;
  grid-template-columns: repeat(auto-fit, minmax(13em, 1fr)); }
.explorer form[hidden] { display: none; }
.explorer label { display: flex; flex-wrap: wrap; gap: 0 0.4em; }
.explorer output { font-weight: bold; }
.explorer input[type="range"] { order: 1; flex: 1 0 100%; min-width: 0; accent-color: var(--one); }
.explorer :focus-visible { outline: 2px solid var(--one); outline-offset: 2px; }
.explorer svg { display: block; width: 100%; height: auto; margin: 0.6em auto; }
.explorer svg text { fill: var(--ink); font-family: sans-serif; }
.explorer p { margin: 0.2em 0; color: inherit; }
"""


def framed(name: str, body: str, *, style: str, script: str) -> str:
    """An explorer as one element of the classes ``explorer`` and ``name``, with its style and its script.

    The script runs once for each element: it gets it as ``figure``.
    """
    prepared = (
        f'document.querySelectorAll(".explorer.{name}:not([data-ready])").forEach((figure) => {{\n'
        f'  figure.dataset.ready = "";\n{script.strip()}\n}});'
    )
    return (
        f'<figure class="explorer {name}"><style>{STYLE}{style}</style>{body}'
        f"<script>\n{prepared}\n</script></figure>"
    )


def slider(name: str, label: str, *, value: float, least: float, most: float, step: float, shown: str) -> str:
    """A labelled slider; ``shown`` is its value in words, which the script keeps up to date.

    The slider comes before its value: a label belongs to the first control in it, and ``output`` is one.

    >>> slider("rate", "Rate", value=2, least=1, most=3, step=1, shown="2")[-52:]
    'value="2"><output name="rate-now">2</output></label>'
    """
    return (
        f"<label>{escape(label)}: "
        f'<input type="range" name="{name}" min="{least:g}" max="{most:g}" step="{step:g}" value="{value:g}">'
        f'<output name="{name}-now">{escape(shown)}</output></label>'
    )
