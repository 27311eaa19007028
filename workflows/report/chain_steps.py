"""ChainSteps: what the keypoint chain makes of one person, step by step."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.chain import chain
from posebeam.transforms.layout import CHANNELS, Layout, layout
from posebeam.workflows.report.data_charts import velocities
from posebeam.workflows.report.examples import Motion, poses_of
from posebeam.workflows.report.place import Place
from posebeam.workflows.report.skeletons import positions, still

_LOOKED_AT = 2000  # windows, of which the one is shown that has seen joints, and motion

Steps = list[tuple[str, Figure]]


def best_window(reader: WindowReader) -> int:
    """The row of the window that shows most: of those with the most joints seen, where they move most."""
    x, valid = reader.take(np.arange(min(len(reader), _LOOKED_AT)))
    seen, going = valid.mean((1, 2)), positions(x).std(1).mean((1, 2))
    return int(np.where(seen == seen.max(), np.where(going < 1, going, 0), -1).argmax())


def chain_steps(out: Path) -> Steps:
    """Sentences and pictures: the joints in the picture, the 13 of them, centred and scaled, with velocities.

    All of the middle frame of one window; then velocities over all of it. The first two are left out where OUT
    holds no poses.
    """
    reader = WindowReader(out)
    row = best_window(reader)
    (x,), (valid,) = reader.take([row])
    target, middle = layout(reader.made.layout), reader.made.window // 2
    (poses,) = poses_of(out, [Place.of(reader, row)])
    found = _in_pixels(poses, middle, target, reader.made.chain) if poses and poses.seen[middle].any() else []
    found += _placed(x[middle], valid[middle], target, reader.made.chain)
    quirk = reader.made.chain == "act"
    told = "; the first, which the published chain takes for the position itself, is left out" if quirk else ""
    moving = velocities(x, target.skeleton.joints, int(quirk))
    found.append((f"How fast the outer joints move, from frame to frame{told}", moving))
    return found


def _in_pixels(poses: Motion, middle: int, target: Layout, name: str) -> Steps:
    """The joints as they were seen, and the 13 that the layout makes of them."""
    seen, rule, columns = poses.seen[middle], chain(name), target.indices(poses.skeleton.name)
    points = poses.xy[:, columns].astype(np.float64)
    merged, known = rule.merge(*rule.clean(points, poses.seen[:, columns]), target)
    return [
        ("As seen, in pixels", still(poses.xy[middle], seen, poses.skeleton, f"{len(seen)} joints")),
        (
            f"The joints of {target.name}",
            still(merged[middle, :13], known[middle, :13], target.skeleton, "13 joints"),
        ),
    ]


def _placed(x: NDArray[np.float32], valid: NDArray[np.bool_], target: Layout, name: str) -> Steps:
    """A frame x [52] of a window as the chain leaves it: where the joints are, and where they go."""
    where, going = np.split(x.reshape(13, CHANNELS), 2, axis=1)
    return [
        (f"As {name} places them", still(where, valid, target.skeleton, "centred and scaled")),
        ("Where they go, four frames' way", still(where, valid, target.skeleton, "with velocities", going)),
    ]
