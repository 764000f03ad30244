"""The network as the pages on its parts build it: their classes, word by word, for the pages that follow.

A test holds that each stands in its chapter as it stands here. The library's own parts check their input and
can be left out; these only compute.
"""

# mypy: ignore-errors
# ruff: noqa: D101, D102, D103

import torch
from torch import nn


def copy_weights(part, other):
    """Give `part` the weights of `other`, in the order of their definition."""
    values = other.state_dict().values()
    part.load_state_dict(dict(zip(part.state_dict(), values, strict=True)))
    return part.eval()


def double_conv(channels_in, channels_out):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def conv_bn_relu(channels_in, channels_out, kernel=3, rate=1):
    padding = rate * (kernel // 2)  # keeps rows and columns
    return nn.Sequential(
        nn.Conv2d(
            channels_in,
            channels_out,
            kernel,
            padding=padding,
            dilation=rate,
            bias=False,
        ),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class InvertedResidual(nn.Module):
    def __init__(self, channels_in, channels_out, stride=1, widen=6):
        super().__init__()
        wide = widen * channels_in
        layers = []
        if widen > 1:  # 1×1: widen
            layers += [nn.Conv2d(channels_in, wide, 1, bias=False)]
            layers += [nn.BatchNorm2d(wide), nn.ReLU6()]
        layers += [  # 3×3: filter each channel
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
        ]
        layers += [nn.Conv2d(wide, channels_out, 1, bias=False)]  # narrow
        layers += [nn.BatchNorm2d(channels_out)]  # and no ReLU
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and channels_in == channels_out

    def forward(self, x):  # (B, channels_in, H, W)
        y = self.layers(x)  # (B, channels_out, H / stride, W / stride)
        return x + y if self.adds else y


class Encoder(nn.Module):
    def __init__(self, stem):
        super().__init__()
        layers = [nn.Sequential(stem, nn.BatchNorm2d(32), nn.ReLU6())]
        channels = 32
        for widen, out, repeats, stride in [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ]:
            for k in range(repeats):
                step = stride if k == 0 else 1  # the first one halves
                layers.append(InvertedResidual(channels, out, step, widen))
                channels = out
        last = nn.Conv2d(320, 1280, 1, bias=False)
        layers.append(nn.Sequential(last, nn.BatchNorm2d(1280), nn.ReLU6()))
        self.layers = nn.ModuleList(layers)

    def forward(self, x):  # (B, 1, H, W)
        taps = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in (1, 3, 6, 13, 18):  # the last of each size
                taps.append(x)
        return taps  # enc1 to enc5


class ASPP(nn.Module):
    def __init__(self, channels_in=1280, channels_out=512):
        super().__init__()
        self.pointwise = conv_bn_relu(channels_in, 128, kernel=1)
        branches = [conv_bn_relu(channels_in, 128, rate=r) for r in (6, 12, 18)]
        self.dilated = nn.ModuleList(branches)
        self.pooling = nn.Sequential(
            nn.Conv2d(channels_in, 256, 1, bias=False),
            nn.GroupNorm(32, 256),
            nn.ReLU(),
        )
        self.projection = conv_bn_relu(4 * 128 + 256, channels_out, kernel=1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):  # (B, 1280, H, W)
        mean = x.mean(dim=(2, 3), keepdim=True)  # (B, 1280, 1, 1)
        everywhere = self.pooling(mean).expand(-1, -1, *x.shape[2:])
        around = [branch(x) for branch in self.dilated]
        branches = [self.pointwise(x), *around, everywhere]
        joined = torch.cat(branches, dim=1)  # (B, 768, H, W)
        return self.dropout(self.projection(joined))  # (B, 512, H, W)


class SEBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = max(1, channels // 16)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x):  # (B, C, H, W)
        means = x.mean(dim=(2, 3))  # (B, C)
        hidden = torch.relu(self.squeeze(means))  # (B, C / 16)
        gates = torch.sigmoid(self.excite(hidden))  # (B, C)
        return x * gates[:, :, None, None]  # (B, C, H, W)


class ResidualBlock(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.convs = double_conv(channels_in, channels_out)
        self.se = SEBlock(channels_out)
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )

    def forward(self, x):  # (B, channels_in, H, W)
        return self.se(self.convs(x)) + self.shortcut(x)
