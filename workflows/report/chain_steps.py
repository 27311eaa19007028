"""ChainSteps: what the keypoint chain makes of one person, step by step."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.chain import chain
from posebeam.transforms.layout import layout
from posebeam.workflows.report.data_charts import velocities
from posebeam.workflows.report.examples import Place, poses_of
from posebeam.workflows.report.skeletons import positions, still

_LOOKED_AT = 2000  # windows, of which the one is shown in which most joints were seen


def best_window(reader: WindowReader) -> int:
    """The row of the window in which most joints were seen, the first of several."""
    _, valid = reader.take(np.arange(min(len(reader), _LOOKED_AT)))
    return int(valid.mean((1, 2)).argmax())


def chain_steps(out: Path) -> list[tuple[str, Figure]]:
    """Sentences and pictures: the joints in the picture, the 13 of them, centred and scaled, and their velocities.

    All of the middle frame of one window. The first two are left out where OUT holds no poses.
    """
    reader = WindowReader(out)
    row = best_window(reader)
    (x,), (valid,) = reader.take([row])
    target, middle = layout(reader.made.layout), reader.made.window // 2
    place = Place(str(reader.clips[row]), int(reader.people[row]), int(reader.starts[row]))
    found: list[tuple[str, Figure]] = []
    poses = poses_of(out, [place])[0]
    if poses and len(poses.xy) > middle:
        seen = poses.seen[middle]
        found.append(("As seen, in pixels", still(poses.xy[middle], seen, poses.skeleton, f"{len(seen)} joints")))
        rule, columns = chain(reader.made.chain), target.indices(poses.skeleton.name)
        points = poses.xy[:, columns].astype(np.float64)
        merged, known = rule.merge(*rule.clean(points, poses.seen[:, columns]), target)
        figure = still(merged[middle, :13], known[middle, :13], target.skeleton, "13 joints")
        found.append((f"The joints of {target.name}", figure))
    placed = still(positions(x)[middle], valid[middle], target.skeleton, "centred and scaled")
    found.append((f"As {reader.made.chain} places them", placed))
    first = ", the first velocity being the position, as published" if reader.made.chain == "act" else ""
    found.append((f"How they move, from frame to frame{first}", velocities(x, target.skeleton.joints)))
    return found
