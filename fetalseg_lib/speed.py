"""What is done for the sake of speed alone, in one place: no number changes by it but in the last bits."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import functools
import itertools
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input, conv2d_weight
from torch.nn.utils.fusion import fuse_conv_bn_eval


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last, which convolutions prefer, or plainly contiguous on MPS, where they do not.

    >>> memory_format(torch.device("cuda"))
    torch.channels_last
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def laid_out(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches on the device, and the model, in the layout that is fast there."""
    layout = memory_format(device)
    model.to(memory_format=layout)
    for images, masks in batches:
        yield images.to(device, memory_format=layout), masks.to(device)


def channel_means(features: Tensor) -> Tensor:
    """Each channel's mean over the image, ``B C H W`` → ``B C``; its gradient has the features' own layout.

    That of ``features.mean(dim=(2, 3))`` is always laid out plainly: slow to add to one in channels last.

    >>> channel_means(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    tensor([[3.]])
    """
    if features.is_contiguous(memory_format=torch.channels_last):
        return features.permute(0, 2, 3, 1).mean(dim=(1, 2))
    return features.mean(dim=(2, 3))


def bias_apart(layer: nn.ConvTranspose2d, features: Tensor) -> Tensor:
    """What an unpadded transposed convolution computes, its bias added by itself.

    Inside of it the bias's gradient takes a CPU four times as long as those of input and kernel together.
    """
    assert layer.bias is not None
    up = F.conv_transpose2d(features, layer.weight, stride=layer.stride)
    return up + layer.bias.to(up.dtype)[:, None, None]


@contextlib.contextmanager
def fast_gradients(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Compute four kinds of convolutions, in a training on a CPU, in the way whose gradients are fast.

    Depthwise ones of stride 2 in float32: in bfloat16 their gradients take five to forty times as long.
    Dilated ones without the taps that meet nothing but padding, and dilated depthwise ones as undilated ones
    of every ``rate``-th pixel. On a processor with AVX2 and nothing newer, the other dense ones with their
    kernel's gradient taken in the plain layout: in channels last it takes twice as long there.
    All give what the layer itself gives, up to rounding.
    """
    convolutions = [layer for layer in model.modules() if type(layer) is nn.Conv2d]
    ways = {layer: _faster(layer) for layer in convolutions if device.type == "cpu"}
    chosen = {layer: way for layer, way in ways.items() if way is not None}
    for layer, way in chosen.items():
        layer.forward = functools.partial(way, layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in chosen:
            del layer.forward  # the class's own is there again


def _faster(layer: nn.Conv2d) -> Callable[[nn.Conv2d, Tensor], Tensor] | None:
    if not layer.weight.requires_grad:
        return None
    depthwise = layer.groups == layer.in_channels == layer.out_channels > 1
    if depthwise and layer.stride == (2, 2):
        return _in_float32
    if layer.kernel_size == (3, 3) and layer.padding == layer.dilation != (1, 1) and layer.stride == (1, 1):
        return _by_phases if depthwise else _living_taps
    old = torch.backends.cpu.get_cpu_capability() == "AVX2"
    return _kernel_apart if old and layer.groups == 1 and layer.kernel_size != (1, 1) else None


def _in_float32(layer: nn.Conv2d, features: Tensor) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        found = nn.Conv2d.forward(layer, features.to(layer.weight.dtype))
    return found.to(features.dtype)


class _KernelApart(torch.autograd.Function):
    """A convolution that has its kernel's gradient computed in the plain layout."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, *how: Any) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.how = how
        return F.conv2d(features, weight, None, *how)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        features, weight = ctx.saved_tensors
        of_kernel = conv2d_weight(features.contiguous(), weight.shape, given.contiguous(), *ctx.how)  # type: ignore[no-untyped-call]
        of_input = None
        if ctx.needs_input_grad[0]:
            of_input = conv2d_input(features.shape, weight, given, *ctx.how)  # type: ignore[no-untyped-call]
        return of_input, of_kernel, *(None for _ in ctx.how)


def _kernel_apart(layer: nn.Conv2d, features: Tensor) -> Tensor:
    if torch.is_autocast_enabled(features.device.type):
        return nn.Conv2d.forward(layer, features)
    found: Tensor = _KernelApart.apply(features, layer.weight, layer.stride, layer.padding, layer.dilation)
    return found if layer.bias is None else found + layer.bias[:, None, None]


def _living_taps(layer: nn.Conv2d, features: Tensor) -> Tensor:
    """A tap that lies further away than the map is wide sees padding from every position."""
    taps, padding = [], []
    for side, rate in zip(features.shape[2:], layer.dilation, strict=True):
        lives = rate < side
        taps.append(slice(None) if lives else slice(1, 2))
        padding.append(rate if lives else 0)
    weight = layer.weight[:, :, taps[0], taps[1]]
    return F.conv2d(
        features, weight, layer.bias, padding=padding, dilation=layer.dilation, groups=layer.groups
    )


def _by_phases(layer: nn.Conv2d, features: Tensor) -> Tensor:
    """Every ``rate``-th pixel belongs together: such small maps go through the kernel without dilation."""
    if all(rate >= side for rate, side in zip(layer.dilation, features.shape[2:], strict=True)):
        return _living_taps(layer, features)
    batch, channels, height, width = features.shape
    down, right = layer.dilation
    rows, columns = max(-(-height // down), 3), max(-(-width // right), 3)  # kernels are slow on smaller maps
    more = (0, 0, 0, columns * right - width, 0, rows * down - height)
    padded = F.pad(features.permute(0, 2, 3, 1), more)  # (B, rows · down, columns · right, C)
    phases = padded.reshape(batch, rows, down, columns, right, channels).permute(0, 2, 4, 1, 3, 5)
    maps = phases.reshape(-1, rows, columns, channels).permute(0, 3, 1, 2)  # (B · phases, C, rows, columns)
    found = F.conv2d(maps, layer.weight, layer.bias, padding=1, groups=layer.groups).permute(0, 2, 3, 1)
    back = found.reshape(batch, down, right, rows, columns, channels).permute(0, 3, 1, 4, 2, 5)
    whole = back.reshape(batch, rows * down, columns * right, channels)
    return whole[:, :height, :width].permute(0, 3, 1, 2)


M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
MIB = 2**20
NEVER, ONE = -1, 1
KEEPING = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER, M_TOP_PAD: 64 * MIB, M_ARENA_MAX: ONE}
USUAL = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 64 * MIB, M_TOP_PAD: 128 * 1024, M_ARENA_MAX: 0}
"""glibc's own, but for the threshold, which by itself grows with what is freed: to 64 MiB at most."""


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let the process keep what it frees, for what it allocates next; afterwards all goes back.

    A step of a training, or a batch of a prediction, frees every large tensor that the next one needs again.
    glibc gives each back to the system, which then has to clear it anew, page by page; with another C library
    nothing changes. Source: mallopt(3).
    """
    library = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    if library is None:
        yield
        return
    for option, value in KEEPING.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in USUAL.items():
            library.mallopt(option, value)
        library.malloc_trim(0)


def folded(model: nn.Module) -> nn.Module:
    """A copy in eval mode that computes the same, up to rounding, with fewer passes over the features.

    Where a batch normalisation follows a plain convolution, its scale and shift go into that one's weights.

    >>> layers = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU())
    >>> [type(layer).__name__ for layer in folded(layers)]
    ['Conv2d', 'Identity', 'ReLU']
    """
    copied = copy.deepcopy(model).eval()
    for block in [module for module in copied.modules() if isinstance(module, nn.Sequential)]:
        for place, (layer, norm) in enumerate(itertools.pairwise(list(block))):
            if type(layer) is nn.Conv2d and isinstance(norm, nn.BatchNorm2d):
                block[place], block[place + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return copied


@contextlib.contextmanager
def side_by_side(*, most: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for whole batches, ``most`` of them at most, that share the threads that torch has.

    Where torch splits each layer among its threads, all wait for the slowest at every layer, and on a machine
    that computes something else as well that takes ten times as long as one thread alone. What has not begun
    when the block ends, or fails, is not begun any more.
    """
    threads, patience = torch.get_num_threads(), sys.getswitchinterval()
    workers = min(threads, most)
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads // workers,))
    sys.setswitchinterval(patience / 25)  # a layer must not wait until another thread has read its image
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        sys.setswitchinterval(patience)
        torch.set_num_threads(threads)
