"""What the chapter on the phantom says of the results is so, sentence by sentence."""

from __future__ import annotations

from sentences import RESULTS, said

from fetalseg_book.facts.phantom import facts


def test_both_networks_see_images_of_one_size() -> None:
    assert said("phantom", "trained on the real training images at the same size for")
    on_phantoms, on_real = facts(RESULTS)["sizes"]
    assert on_phantoms == on_real
