"""What the chapter on the phantom says of the results is so, sentence by sentence."""

from __future__ import annotations

from sentences import RESULTS, said

from fetalseg_book.facts.phantom import facts


def test_both_networks_see_images_of_one_size() -> None:
    assert said("phantom", "real images, at the same size")
    on_phantoms, on_real = facts(RESULTS)["sizes"]
    assert on_phantoms == on_real


def test_a_classifier_tells_phantoms_but_no_real_images_apart() -> None:
    assert said("phantom", "Can a classifier tell them apart? Yes.")
    found = facts(RESULTS)
    whole, control = (float(found[f"phantom_{name}"].rstrip(" %")) for name in ("told_whole", "control"))
    assert whole > 95
    assert 40 < control < 60
