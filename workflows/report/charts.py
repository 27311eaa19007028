"""Charts: a run's figures as pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from posebeam.workflows.report.cells import MANY, shade
from posebeam.workflows.report.curves import Curve
from posebeam.workflows.report.svg import FAINT, INK, LINE, SERIES, styled

_LETTERS, _MARK = 15, 8  # of a legend: letters an inch, and letters that a name's mark takes


@styled
def curves(title: str, series: Mapping[str, Curve]) -> Figure:
    """Figures by epoch, one line each."""
    figure = Figure(figsize=(4.4, 2.7), layout="constrained")
    axes = figure.add_subplot()
    for index, (name, curve) in enumerate(series.items()):
        marker = "." if len(curve) < 3 else ""
        colour, style = SERIES[index % len(SERIES)], "-" if index < len(SERIES) else "--"
        axes.plot(list(curve), list(curve.values()), style, marker=marker, color=colour, label=name, linewidth=1.4)
    axes.set(xlabel="epoch", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.legend(fontsize=8)
    return figure


@styled
def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], silent: Sequence[int] = ()) -> Figure:
    """Rows are the truth, columns what was said; shades the share of the row. silent: clips without a window."""
    counts, said = np.array(matrix), list(map(_short, classes))
    if any(silent):
        counts, said = np.column_stack((counts, silent)), [*said, "(no window)"]
    rows, columns = counts.shape
    cell = 0.34 if rows <= MANY else 0.16
    figure = Figure(figsize=(cell * columns + 1.9, cell * rows + 1.5), layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    right = np.arange(rows)[:, None] == np.arange(columns)
    shade(axes, np.where(counts > 0, 0.15 + 0.6 * shares, 0.0), np.where(right, SERIES[0], SERIES[1]))
    for row, column in np.argwhere(counts).tolist() if rows <= MANY else ():
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8)
    size = 8 if rows <= MANY else 6
    axes.set_xticks(range(columns), said, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(rows), said[:rows], fontsize=size)
    axes.set(xlabel="said", ylabel="truth")
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", linewidth=0.4)
    axes.tick_params(which="minor", length=0)
    return figure


@styled
def reliability(calibrations: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Accuracy against confidence, a line a run; on the diagonal a model is right as often as it says."""
    figure = Figure(figsize=(3.4, 3.1 + 0.17 * len(calibrations)), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1, linestyle="--")
    for index, (name, found) in enumerate(calibrations.items()):
        colour, bins = SERIES[index % len(SERIES)], found["bins"]
        across, up = [each["confidence"] for each in bins], [each["accuracy"] for each in bins]
        label = f"{name}: error {found['error']:.3f}"
        axes.plot(across, up, "-", color=colour, linewidth=1.4, label=label)
        total = sum(each["count"] for each in bins)
        sizes = [12 + 160 * each["count"] / total for each in bins]
        axes.scatter(across, up, s=sizes, color=colour, alpha=0.45, linewidths=0)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    axes.grid()
    _legend_below(figure)
    return figure


@styled
def bars(title: str, values: Mapping[str, Sequence[float | None]], names: Sequence[str], percent: bool) -> Figure:
    """A group of bars for each key of values, one for each of the names; a thin mark where there is none."""
    keys, count = list(values), max(1, len(names))
    figure = Figure(figsize=(4.6, 0.8 + len(keys) * (0.11 * count + 0.13)), layout="constrained")
    axes = figure.add_subplot()
    for index, name in enumerate(names):
        places = np.arange(len(keys)) + (index - (count - 1) / 2) * 0.8 / count
        lengths = [values[key][index] or 0.0 for key in keys]
        axes.barh(places, lengths, 0.72 / count, color=SERIES[index % len(SERIES)], label=name)
        for place, key in zip(places, keys, strict=True):
            if values[key][index] is None:
                axes.text(0, place, " -", va="center", fontsize=7, color=FAINT)
    axes.set_yticks(range(len(keys)), list(map(_short, keys)), fontsize=8)
    axes.set_ylim(len(keys) - 0.5, -0.5)
    if percent:
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_title(title, color=INK)
    if count > 1:
        _legend_below(figure)
    return figure


def _legend_below(figure: Figure) -> None:
    """Names of runs under the chart, beside each other as far as there is room: they may be long."""
    names = figure.axes[0].get_legend_handles_labels()[1]
    room = int(_LETTERS * figure.get_figwidth()) // (max(map(len, names), default=0) + _MARK)
    figure.legend(loc="outside lower center", ncols=max(1, min(3, room, len(names))), fontsize=8)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
