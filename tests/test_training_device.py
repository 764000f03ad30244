"""Where and how exactly a training computes: chosen by what the hardware has, and said when it has not."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from fetalseg_lib.models import build_model
from fetalseg_lib.speed import memory_format
from fetalseg_lib.training.device import (
    autocast,
    deterministic,
    has_bfloat16,
    pick_device,
    pick_precision,
    seed_everything,
)
from fetalseg_lib.training.epoch import evaluate, train_one_epoch
from fetalseg_lib.training.losses import DiceBCELoss

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be on a machine with these devices."""

    def pretend(*, cuda=False, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.fixture
def processor(monkeypatch):
    """Pretend to be on a processor with these features, as a new or as an older torch tells them."""

    def pretend(*features, older_torch=False):
        if older_torch:
            monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
            for probe, feature in (
                ("_is_amx_tile_supported", "amx_tile"),
                ("_is_avx512_bf16_supported", "avx512_bf16"),
            ):
                monkeypatch.setattr(
                    torch.cpu, probe, lambda feature=feature: feature in features, raising=False
                )
        else:
            told = dict.fromkeys(features, True)
            monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)

    return pretend


@pytest.mark.parametrize(
    ("there", "expected"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": True}, "cuda"), ({"cuda": True, "mps": True}, "cuda")],
    ids=["nothing", "mps", "cuda", "both"],
)
def test_auto_takes_the_fastest_device_there_is(machine, there, expected):
    machine(**there)
    assert pick_device("auto").type == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "torch finds no 'cuda' on this machine; use 'auto' or 'cpu'"),
        ("mps", "torch finds no 'mps'"),
        ("gpu", "expected one of auto, cpu, cuda, mps; got 'gpu'"),
    ],
)
def test_a_device_that_is_not_there_is_refused(machine, name, message):
    machine()
    with pytest.raises(ValueError, match=f"^device: {message}"):
        pick_device(name)


@pytest.mark.parametrize(
    ("features", "older_torch", "expected"),
    [
        (("avx2", "avx512_f", "avx512_bf16"), False, "bfloat16"),
        (("avx2", "amx_tile", "amx_bf16"), False, "bfloat16"),
        (("avx2", "avx512_f"), False, "float32"),
        (("avx2",), False, "float32"),
        ((), False, "float32"),
        (("avx512_bf16",), True, "bfloat16"),
        (("amx_tile",), True, "bfloat16"),
        (("avx2",), True, "float32"),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, tuple) else str(value),
)
def test_auto_takes_bfloat16_only_where_the_processor_has_it(processor, features, older_torch, expected):
    processor(*features, older_torch=older_torch)
    assert pick_precision("auto", CPU) == expected


def test_a_torch_that_tells_nothing_of_the_processor_means_float32(monkeypatch):
    for name in ("get_capabilities", "_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert pick_precision("auto", CPU) == "float32"


def test_the_operating_system_says_the_same_of_this_processor():
    cpuinfo = Path("/proc/cpuinfo")
    flags = (
        [line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")]
        if cpuinfo.exists()
        else []
    )
    if not flags:
        pytest.skip("needs /proc/cpuinfo of an x86 Linux")
    assert has_bfloat16(CPU) == bool({"amx_bf16", "avx512_bf16"} & set(flags[0].split()))


@pytest.mark.parametrize("native", [True, False])
def test_on_cuda_emulated_bfloat16_does_not_count(monkeypatch, native):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native
    )
    assert pick_precision("auto", torch.device("cuda")) == ("bfloat16" if native else "float32")


def test_mps_computes_in_float32():
    assert pick_precision("auto", torch.device("mps")) == "float32"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bfloat16", "this machine's cpu does not compute in bfloat16"),
        ("float16", "expected one of .* got 'float16'"),
    ],
)
def test_a_precision_that_is_not_there_is_refused(processor, name, message):
    processor("avx2")
    with pytest.raises(ValueError, match=f"^precision: {message}"):
        pick_precision(name, CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_forward_pass_runs_in_the_chosen_precision(precision):
    with autocast(CPU, precision):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == getattr(torch, precision)


def draws():
    return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002


def test_seed_and_epoch_decide_all_that_is_random():
    def drawn(seed, epoch):
        seed_everything(seed, epoch=epoch)
        return draws()

    assert drawn(0, 1) == drawn(0, 1)
    assert len({drawn(seed, epoch) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize("before", ["default", "warn", "error"])
def test_determinism_is_asked_for_on_the_cpu_and_given_back(before):
    found = torch.get_deterministic_debug_mode()
    try:
        torch.set_deterministic_debug_mode(before)
        mode = torch.get_deterministic_debug_mode()
        with pytest.raises(KeyError), deterministic(CPU):  # noqa: PT012 - the mode inside matters, and that after
            assert torch.are_deterministic_algorithms_enabled()
            raise KeyError
        assert torch.get_deterministic_debug_mode() == mode
        with deterministic(torch.device("cuda")):
            assert torch.get_deterministic_debug_mode() == mode
    finally:
        torch.set_deterministic_debug_mode(found)


def test_no_memory_is_filled_only_to_be_overwritten_and_the_setting_is_given_back(monkeypatch):
    for found in (True, False):
        monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", found)
        with deterministic(CPU):
            assert not torch.utils.deterministic.fill_uninitialized_memory
        assert torch.utils.deterministic.fill_uninitialized_memory is found


@pytest.mark.parametrize("variant", ["proposed", "unet", "bilinear_up"])
def test_no_network_reads_memory_that_nobody_wrote(variant, monkeypatch):
    """Filled with NaN or not, a step ends with the same bits: so the filling can be left out."""

    def step(*, filled):
        torch.manual_seed(0)
        model = build_model(variant, encoder_weights="random").train()
        images = torch.rand(2, 1, 64, 64)
        with deterministic(CPU):
            monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", filled)
            assert not filled or torch.empty(8).isnan().all()
            DiceBCELoss()(model(images), images.round()).backward()
        return [parameter.grad for parameter in model.parameters() if parameter.requires_grad]

    assert all(map(torch.equal, step(filled=True), step(filled=False)))


@pytest.mark.parametrize(
    ("device", "layout"),
    [("cpu", torch.channels_last), ("cuda", torch.channels_last), ("mps", torch.contiguous_format)],
)
def test_convolutions_get_the_memory_format_they_prefer(device, layout):
    assert memory_format(torch.device(device)) is layout


def test_an_epoch_lays_images_and_weights_out_alike():
    layout, seen = memory_format(CPU), []
    model = torch.nn.Conv2d(2, 2, 3, padding=1)

    def look(module, inputs):
        seen.extend((inputs[0], module.weight))

    model.register_forward_pre_hook(look)
    images = torch.rand(2, 2, 64, 64)
    settings = {"loss_function": torch.nn.BCEWithLogitsLoss(), "device": CPU, "precision": "float32"}
    optimizer = torch.optim.Adam(model.parameters())
    train_one_epoch(model, [(images, images.round())], optimizer=optimizer, **settings)
    evaluate(model, [(images, images.round())], **settings)
    assert len(seen) == 4
    assert all(tensor.is_contiguous(memory_format=layout) for tensor in seen)
