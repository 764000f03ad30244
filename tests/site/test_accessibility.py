"""Every page works for those who read with a screen reader, a keyboard, or in the dark.

axe-core (W3C's WCAG rules, made by Deque) reads each page, and its colours in both themes. It comes by
``npm ci``.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from fetalseg_book.publishing.screens import Visit
from fetalseg_book.publishing.site import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
COLOUR_RULES = ("color-contrast", "link-in-text-block")  # all that another theme can break

# What can be pressed: what is announced as such, and what merely looks so (a hand as pointer).
CONTROLS = """
() => {
  const usual = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  const seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && e.getBoundingClientRect().width > 1 && !e.disabled && e.tabIndex >= 0 && !e.closest('[inert]');
  const all = [...document.querySelectorAll(usual)].filter(seen);
  all.forEach((e, i) => e.dataset.control = i);
  const label = e => e.outerHTML.slice(0, 160);
  const hands = [...document.querySelectorAll('body *')].filter(e => {
    const hand = n => getComputedStyle(n).cursor === 'pointer';
    return hand(e) && !hand(e.parentElement) && e.checkVisibility() && !e.matches(usual)
      && !e.closest(usual + ', label, [tabindex]') && !e.querySelector(usual);
  });
  return {all: all.map(label), hands: hands.map(label)};
}
"""
FOCUSED = """
() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const s = getComputedStyle(e), box = e.closest('form, label') || e;
  const outlined = n => getComputedStyle(n).outlineStyle !== 'none';
  const ring = [e, ...e.children].some(outlined) || s.boxShadow !== 'none'
    || s.textDecorationLine !== 'none' || e.matches('svg *, input')
    || getComputedStyle(box).boxShadow !== 'none';
  return {control: e.dataset.control ?? null, ring, html: e.outerHTML.slice(0, 160)};
}
"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core; fails with the command that brings it."""
    if not AXE.is_file():
        raise FileNotFoundError(f"{AXE.relative_to(ROOT)}: axe-core is missing; npm ci brings it")
    return AXE.read_text(encoding="utf-8")


def grave_findings(page: Page, axe: str, *, rules: tuple[str, ...] = ()) -> list[str]:
    """What axe-core calls serious or critical: the rule, then each place with its reason."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    result: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in result["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def test_axe_finds_nothing_grave(opened: Visit, axe: str) -> None:
    assert opened.page.locator("html").get_attribute("data-theme") == "light"
    assert grave_findings(opened.page, axe) == []


def test_colours_can_be_told_apart_in_the_dark(opened: Visit, axe: str) -> None:
    page = opened.page
    page.add_style_tag(content="* { transition: none !important }")  # no colour half-way to another
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark", timeout=30_000)  # slow machines
    found = grave_findings(page, axe, rules=COLOUR_RULES)
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light", timeout=30_000)  # slow machines
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert found == []


def test_axe_is_awake(browser: Browser, axe: str) -> None:
    with Visit(browser) as visit:
        visit.page.set_content("<html><body><img src='data:,'><p style='color:#bbb'>pale</p>")
        found = {finding.split(":")[0] for finding in grave_findings(visit.page, axe)}
    assert {"image-alt", "color-contrast"} <= found


def test_keyboard_reaches_every_control(opened: Visit) -> None:
    page = opened.page
    controls = page.evaluate(CONTROLS)
    reached, without_ring = set(), []
    for _ in range(2 * len(controls["all"]) + 20):
        if page.evaluate("document.activeElement.matches('.cm-content')"):
            page.keyboard.press("Escape")  # in an editor Tab indents, and the page says how to leave it
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:  # at the end, or the stub that had the focus has just become an editor
            continue
        if focused["control"] in reached and focused["control"] is not None:
            break
        reached.add(focused["control"])
        if not focused["ring"]:
            without_ring.append(focused["html"])
    # An exercise that came near the screen on the way has an editor now in place of its printed stub.
    left = page.locator("[data-control]:visible").evaluate_all("all => all.map(e => e.dataset.control)")
    missed = [controls["all"][int(number)] for number in left if number not in reached]
    assert not controls["hands"], "a mouse can press these, a keyboard cannot"
    assert not missed, "Tab does not get there"
    assert not without_ring, "nothing shows that these have the focus"
