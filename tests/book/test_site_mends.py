"""The mends of the theme's pages: what they take away, and what they must leave."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "book" / "_ext" / "site_mends.py"
SPEC = importlib.util.spec_from_file_location("site_mends", PATH)
assert SPEC is not None
assert SPEC.loader is not None
site_mends = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(site_mends)


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ('<script>const THEBE_JS_URL = "https://x.org/a.js"; const b = 1</script><p>Text', "<p>Text"),
        ('<script async="async" src="../_static/sphinx-thebe.js?v=1"></script><p>', "<p>"),
        ('<summary aria-label="Toggle hidden content">\n<p>Show', "<summary>\n<p>Show"),
        ('<i class="theme-switch fa-solid" title="Dark"></i>', '<i class="theme-switch fa-solid"></i>'),
        ('<img alt="Colab logo" src="a.png">', '<img alt="" role="presentation" src="a.png">'),
        ("<p>A Binder logo</p>", "<p>A Binder logo</p>"),
        (
            '<a href="api.html">The library</a><details open="open"><summary><span class="toctree-toggle">',
            '<a href="api.html">The library</a><details open="open">'
            '<summary aria-label="Pages of: The library"><span class="toctree-toggle">',
        ),
        (
            '<div class="citation" id="id1" role="doc-biblioentry">',
            '<div class="citation" id="id1" role="listitem">',
        ),
        ("<dl>\n<dd><em>a</em></dd>", '<dl role="presentation">\n<dd><em>a</em></dd>'),
        ("<dl>\n<dt>a</dt><dd>b</dd>", None),
        ('<script src="../_static/mathjax/tex-chtml.js"></script>', None),
        ('<summary class="sd-summary-title">With conda', None),
        (
            '<head>\n    <meta charset="utf-8" /><meta name="viewport" content="width=device-width" />',
            '<head>\n    <meta charset="utf-8" />'
            f'<meta http-equiv="Content-Security-Policy" content="{site_mends.POLICY}">'
            '<meta name="viewport" content="width=device-width" />',
        ),
    ],
)
def test_mend(written: str, mended: str | None) -> None:
    expected = written if mended is None else mended
    assert site_mends.mend(written) == expected
    assert site_mends.mend(expected) == expected


def test_the_shared_picture_gets_a_whole_address() -> None:
    assert site_mends.site_address("https://github.com/Ann/book") == "https://ann.github.io/book/"
    written = '<meta content="_static/cover.png" property="og:image" /><img src="../_static/cover.png">'
    whole = written.replace('"_static', '"https://a.io/_static')
    assert site_mends.SHARED_PICTURE.sub("https://a.io/", written) == whole
    assert site_mends.SHARED_PICTURE.sub("https://a.io/", whole) == whole


def test_drawings_of_lines_are_marked_and_pictures_are_not(tmp_path: Path) -> None:
    (tmp_path / "lines.svg").write_text("<svg><path d='M0 0'/></svg>")
    (tmp_path / "photograph.svg").write_text("<svg><image href='data:image/png;base64,'/></svg>")
    for name, marked in (
        ("lines.svg", True),
        ("photograph.svg", False),
        ("missing.svg", False),
        ("a.png", False),
    ):
        written = f'<p><img alt="A head." src="{name}" /></p>'
        found = site_mends.mark_lines(written, tmp_path)
        assert found == (written.replace("<img ", '<img class="lines" ') if marked else written)
        assert site_mends.mark_lines(found, tmp_path) == found
