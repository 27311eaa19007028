"""README's picture: skeletons on frames of a clip, and beside them the window that they become.

python tests/media/picture.py writes tests/media/readme.jpg.
"""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

import posebeam
from posebeam.transforms.layout import CHANNELS, layout
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Windower, WindowRule
from posebeam.workflows.draw import LEFT, RIGHT, draw_people

MEDIA = Path(__file__).parent
CLIP, PICTURE = MEDIA / "actions" / "balancing" / "camera_3.mp4", MEDIA / "readme.jpg"
FRAMES, SHOWN = (0, 16, 28), (0, 4, 8, 12, 16, 20, 24, 28)  # of the window's 30: as pictures, as skeletons
INCHES, PIXELS, QUALITY = (16.0, 3.7), 100, 90  # of the whole picture: 1600 x 370
GREY, ARROW = "#808080", 3.0  # frames that a velocity's arrow is long
SIDES = {"left": np.array(LEFT) / 255, "right": np.array(RIGHT) / 255}


def seen() -> tuple[list[NDArray[np.uint8]], PoseTrack, float]:
    """A window's frames [H, W, 3], the person in them, and the score below which a joint is missing."""
    estimator = posebeam.Estimator("movenet-lightning", device="cpu")
    frames, people = zip(*islice(estimator.video(CLIP), WindowRule.length), strict=True)
    xy, score = (np.concatenate([getattr(each, part)[:1] for each in people]) for part in ("xy", "score"))
    track = PoseTrack(CLIP.name, 0, estimator.skeleton.name, np.arange(len(xy), dtype=np.int32), xy, score)
    return [frame.rgb for frame in frames], track, estimator.min_score


def window_of(track: PoseTrack, min_score: float) -> NDArray[np.float32]:
    """The first window of the track: [30, 13, 4] of x, y, vx, vy."""
    windower = Windower(WindowRule(chain="act-window", min_score=min_score))
    first, *_ = [*windower.push(track), *windower.finish()]
    return first.x.reshape(len(first.x), -1, CHANNELS)


def cut(frame: NDArray[np.uint8], track: PoseTrack) -> NDArray[np.uint8]:
    """The part of a frame where the person is, at any time of the window."""
    xy = track.xy[: FRAMES[-1] + 1].reshape(-1, 2)
    low, high = xy.min(0), xy.max(0)
    middle, half = (low + high) / 2, 0.62 * (high - low).max() * np.array([0.62, 1.0])
    (left, top), (right, bottom) = np.maximum(middle - half, 0).round().astype(int), (middle + half).astype(int)
    return frame[top:bottom, left:right]


def draw_window(axes: Axes, x: NDArray[np.float32]) -> None:
    """Skeletons of some frames side by side, with an arrow at each joint for where it goes."""
    skeleton = layout("act13-coco").skeleton
    colours = [SIDES.get(joint.split("_")[0], np.full(3, 0.5)) for joint in skeleton.joints]
    step = 0.85 * np.ptp(x[..., 0])
    for place, number in enumerate(SHOWN):
        at, going = x[number, :, :2] + (place * step, 0), x[number, :, 2:]
        for a, b in skeleton.limb_indices:
            axes.plot(*at[[a, b]].T, color=GREY, linewidth=2.5, solid_capstyle="round", zorder=1)
        axes.quiver(
            *at.T,
            *(ARROW * going).T,
            color=colours,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.003,
            zorder=3,
            clip_on=False,
        )
        axes.scatter(*at.T, s=26, color=colours, zorder=2)
        axes.text(at[:, 0].mean(), x[..., 1].max() + 0.5, str(number), ha="center", fontsize=15, color=GREY)
    axes.set_aspect("equal")
    axes.set_ylim(x[..., 1].max() + 0.6, x[..., 1].min() - 0.2)
    axes.axis("off")


def main(path: Path = PICTURE) -> None:
    """Write the picture."""
    frames, track, min_score = seen()
    figure = Figure(figsize=INCHES, dpi=PIXELS, facecolor="white")
    for place, number in enumerate(FRAMES):
        axes = figure.add_axes((0.005 + 0.112 * place, 0.08, 0.108, 0.78))
        drawn = draw_people(frames[number], track.xy[[number]], track.score[[number]], track.skeleton, min_score)
        axes.imshow(cut(drawn, track))
        axes.axis("off")
        axes.set_title(str(number), y=-0.1, fontsize=15, color=GREY)
    window = figure.add_axes((0.35, 0.0, 0.65, 0.87))
    draw_window(window, window_of(track, min_score))
    figure.text(0.005, 0.92, "17 joints in pixels, frame by frame", fontsize=17)
    figure.text(0.36, 0.92, "the window AcT sees: 30 frames x 13 joints x (x, y, vx, vy)", fontsize=17)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    rgb = np.asarray(canvas.buffer_rgba())[..., :3]
    cv2.imwrite(str(path), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
