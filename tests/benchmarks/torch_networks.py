"""Networks of digits and objects in plain PyTorch, measured on request.

Runs in an interpreter that has PyTorch and nothing of ours.  Reads one JSON request a line from stdin and
answers each with one JSON line on stdout, so that only one side of a comparison computes at a time while
both stay warm.  A request:

    {"what": "train", "network": "cnn", "mode": "eager", "precision": "float32", "layout": "channels_last",
     "batch": 128, "seconds": 8}

``what`` is ``train`` (images a second over ``seconds``), ``predict`` (images a second over 10,000) or
``about`` (version, trainable parameters).  ``python torch_networks.py --once cnn`` answers one picture from a
cold start and ends.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional

LAYOUTS = {"channels_first": torch.contiguous_format, "channels_last": torch.channels_last}
WARM_STEPS = 10


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation and, unless told otherwise, ReLU."""

    def __init__(self, inputs: int, filters: int, kernel: int = 3, *, relu: bool = True) -> None:
        super().__init__(
            nn.Conv2d(inputs, filters, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(filters, eps=1e-3),
            nn.ReLU() if relu else nn.Identity(),
        )


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions added to a shortcut, a 1×1 convolution where the channels change."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(ConvBlock(inputs, filters), ConvBlock(filters, filters, relu=False))
        self.shortcut = nn.Identity() if inputs == filters else ConvBlock(inputs, filters, 1, relu=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(n, inputs, h, w)`` to ``(n, filters, h, w)``."""
        return functional.relu(self.shortcut(x) + self.branch(x))


def cnn(classes: int = 10, width: int = 32) -> nn.Module:
    """``apps.digits.models.cnn``, layer for layer."""
    return nn.Sequential(
        ConvBlock(1, width, 5),
        nn.MaxPool2d(2, ceil_mode=True),
        ResidualBlock(width, 2 * width),
        nn.MaxPool2d(2, ceil_mode=True),
        ResidualBlock(2 * width, 3 * width),
        ResidualBlock(3 * width, 3 * width),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(3 * width, classes),
    )


def lenet(classes: int = 10) -> nn.Module:
    """``apps.digits.models.lenet``, layer for layer."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(50 * 4 * 4, 500),
        nn.ReLU(),
        nn.Linear(500, classes),
    )


class Scaled(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def airbench(classes: int = 10) -> nn.Module:
    """``apps.objects.models.airbench``, layer for layer; the whitening layer's kernel is not trained."""
    whitening = nn.Conv2d(3, 24, 2)
    whitening.weight.requires_grad_(False)
    layers: list[nn.Module] = [whitening, nn.GELU()]
    inputs = 24
    for filters in (64, 256, 256):
        for half in (1, 2):
            norm = nn.BatchNorm2d(filters, momentum=0.4, eps=1e-5)
            norm.weight.requires_grad_(False)
            layers += [nn.Conv2d(inputs, filters, 3, padding=1, bias=False)]
            layers += [nn.MaxPool2d(2)] * (half == 1)
            layers += [norm, nn.GELU()]
            inputs = filters
    head = nn.Linear(inputs, classes, bias=False)
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), Scaled(1 / 9), head)


# Each with the shape of its pictures.
NETWORKS = {"cnn": (cnn, (1, 28, 28)), "lenet": (lenet, (1, 28, 28)), "airbench": (airbench, (3, 32, 32))}


def autocast(precision: str) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16")


@functools.cache
def data(network: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return uint8 images ``(count, channels, h, w)`` as a network takes them and class numbers, in memory."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *NETWORKS[network][1]), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 10, (count,), generator=generator)


@functools.cache
def training_step(network: str, mode: str, precision: str, layout: str, batch: int):
    """Return a function that takes one training step on the next shuffled batch."""
    torch.manual_seed(0)
    model = NETWORKS[network][0]().to(memory_format=LAYOUTS[layout]).train()
    optimizer = torch.optim.AdamW(
        [w for w in model.parameters() if w.requires_grad], lr=1e-3, weight_decay=0.05
    )
    forward = torch.compile(model, dynamic=False) if mode == "compile" else model
    images, targets = data(network, 60_000)
    order, position = torch.randperm(len(images)), 0

    def step() -> None:
        nonlocal order, position
        if position + batch > len(order):
            order, position = torch.randperm(len(images)), 0
        chosen = order[position : position + batch]
        position += batch
        x = (images[chosen].float() / 255).contiguous(memory_format=LAYOUTS[layout])
        with autocast(precision):
            loss = functional.cross_entropy(forward(x), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(WARM_STEPS):
        step()
    return step


@functools.cache
def predictor(network: str, mode: str, precision: str, layout: str):
    """Return a function from float32 images ``(n, channels, h, w)`` to scores ``(n, 10)``."""
    torch.manual_seed(0)
    model = NETWORKS[network][0]().to(memory_format=LAYOUTS[layout]).eval()
    forward = torch.compile(model, dynamic=False) if mode == "compile" else model

    def predict(images: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), autocast(precision):
            return forward(images.contiguous(memory_format=LAYOUTS[layout])).float()

    return predict


def train(request: dict) -> dict:
    step = training_step(*(request[key] for key in ("network", "mode", "precision", "layout", "batch")))
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < request["seconds"]:
        step()
        steps += 1
    return {"rate": steps * request["batch"] / (time.perf_counter() - start)}


def predict(request: dict) -> dict:
    run = predictor(*(request[key] for key in ("network", "mode", "precision", "layout")))
    images = data(request["network"], 10_000)[0].float() / 255
    parts = images.split(request["batch"])
    # The first batch and the last, smaller one: compiled for both before the clock starts.
    run(parts[0])
    run(parts[-1])
    start = time.perf_counter()
    scores = torch.cat([run(part) for part in parts])
    seconds = time.perf_counter() - start
    assert scores.shape == (10_000, 10)
    return {"rate": len(images) / seconds}


def about(request: dict) -> dict:
    model = NETWORKS[request["network"]][0]()
    return {
        "version": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


def answer(request: dict) -> dict:
    try:
        return {"train": train, "predict": predict, "about": about}[request["what"]](request)
    except Exception as error:  # The asker decides what a failure means: torch.compile needs a C++ compiler.
        return {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"}


def main() -> None:
    torch.set_num_threads(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    if sys.argv[1:2] == ["--once"]:
        print(
            int(
                predictor(sys.argv[2], "eager", "float32", "channels_first")(
                    torch.zeros(1, *NETWORKS[sys.argv[2]][1])
                ).argmax()
            )
        )
        return
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
