"""DataCharts: a data set's figures as pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from posebeam.transforms.layout import CHANNELS
from posebeam.workflows.report.cells import MANY, shade
from posebeam.workflows.report.svg import SERIES, styled

_FOLLOWED = ("head", "left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")


@styled
def stacked(values: Mapping[str, Sequence[int]], names: Sequence[str], label: str) -> Figure:
    """A bar for each key, made of one piece for each of the names."""
    keys = list(values)
    figure = Figure(figsize=(4.6, 0.9 + 0.2 * len(keys)), layout="constrained")
    axes = figure.add_subplot()
    left = np.zeros(len(keys))
    for index, name in enumerate(names):
        own = np.array([values[key][index] for key in keys], float)
        axes.barh(range(len(keys)), own, 0.7, left=left, color=SERIES[index % len(SERIES)], label=name)
        left += own
    axes.set_yticks(range(len(keys)), [key if len(key) <= 24 else f"{key[:23]}…" for key in keys], fontsize=8)
    axes.set_ylim(len(keys) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(axis="x")
    axes.set_xlabel(label)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return figure


@styled
def histogram(values: NDArray[np.integer], label: str, what: str = "clips") -> Figure:
    """How often whole numbers occur, in at most 30 bins."""
    low, high = int(values.min()), int(values.max())
    step = max(1, -(-(high - low + 1) // 30))
    figure = Figure(figsize=(4.4, 2.3), layout="constrained")
    axes = figure.add_subplot()
    edges = (np.arange(low, high + step + 1, step) - 0.5).tolist()
    axes.hist(values, edges, color=SERIES[0], rwidth=0.9)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(axis="y")
    axes.set(xlabel=label, ylabel=what)
    return figure


@styled
def missing(shares: Mapping[str, NDArray[np.float64]], joints: Sequence[str]) -> Figure:
    """Rows are classes, columns joints, shades and figures the share of frames, in percent, without that joint."""
    names = list(shares)
    cell = 0.24 if len(names) <= MANY else 0.15
    figure = Figure(figsize=(0.36 * len(joints) + 1.9, cell * len(names) + 1.4), layout="constrained")
    axes = figure.add_subplot()
    found = np.array(list(shares.values()))
    shade(axes, 0.85 * found, np.full(found.shape, SERIES[1]))
    for row, column in np.ndindex(found.shape) if len(names) <= MANY else ():
        axes.text(column, row, f"{100 * found[row, column]:.0f}", ha="center", va="center", fontsize=7)
    words = [joint.replace("_", " ") for joint in joints]
    axes.set_xticks(range(len(joints)), words, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8 if len(names) <= MANY else 6)
    return figure


@styled
def velocities(x: NDArray[np.float32], joints: Sequence[str], first: int = 0) -> Figure:
    """How fast the outer joints of a window x [T, 52] move, frame by frame, from frame `first` on."""
    speed = np.linalg.norm(x.reshape(len(x), len(joints), CHANNELS)[..., 2:], axis=-1)  # [T, 13]
    figure = Figure(figsize=(9.4, 2.3), layout="constrained")
    axes = figure.add_subplot()
    followed = [joint for joint in joints if joint in _FOLLOWED]
    frames = np.arange(first, len(x))
    for index, joint in enumerate(followed):
        own, colour = speed[first:, joints.index(joint)], SERIES[index % len(SERIES)]
        axes.plot(frames, own, color=colour, label=joint.replace("_", " "))
    axes.set(xlabel="frame", ylabel="torso lengths a frame")
    axes.grid(axis="y")
    figure.legend(loc="outside right center", fontsize=8)
    return figure


@styled
def batch_fills(fills: Mapping[str, float]) -> Figure:
    """How full the batches of each shard were."""
    figure = Figure(figsize=(4.6, 0.8 + 0.2 * len(fills)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(fills)), list(fills.values()), 0.7, color=SERIES[2])
    axes.set_yticks(range(len(fills)), list(fills), fontsize=8)
    axes.set_ylim(len(fills) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    return figure
