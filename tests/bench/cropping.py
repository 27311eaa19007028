"""Cropping: people a second cut out of frames for a network, ours against OpenCV's affine.

Both give float32 [n, 3, 256, 192], 0 to 255, of eight people in frames as they were decoded. OpenCV
warps whole grey levels and rounds; models/crop.py samples in float, the same on a CPU and a GPU.
"""

import time
from argparse import Namespace
from collections.abc import Iterator

import measure
import numpy as np

SIZE = (256, 192)
PEOPLE = 8


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """Upright people, and turned ones as training shows them."""
    measure.pin(1)
    import cv2
    import torch
    from boxes import frames_with_boxes

    from posebeam.models.crop import crop
    from posebeam.transforms.framing import FRAMINGS, from_edges

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    frames, boxes = frames_with_boxes(given.clips, PEOPLE)
    framing, flat = FRAMINGS["edges"], np.concatenate(boxes)
    for what, turned in (("upright", 0.0), ("turned by 30 degrees", 30.0)):
        maps = framing.to_source(framing.pieces(flat, SIZE), SIZE, turned)
        ours = from_edges(maps)

        def torchs(ours=ours) -> torch.Tensor:
            return crop(frames, ours, SIZE, torch.device("cpu"))

        def opencvs(maps=maps) -> torch.Tensor:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            pieces = [cv2.warpAffine(f, m, SIZE[::-1], flags=flags) for f, m in zip(frames, maps, strict=True)]
            return torch.from_numpy(np.stack(pieces)).permute(0, 3, 1, 2).float()

        away = (torchs() - opencvs()).abs()
        found = measure.alternate(
            given.rounds,
            {
                "ours": lambda f=torchs: _rate(f, given.seconds / 5),
                "theirs": lambda f=opencvs: _rate(f, given.seconds / 5),
            },
        )
        note = f"apart by {away.mean():.2f} grey levels in the mean, {away.max():.1f} at most"
        yield measure.Figure(f"crop, {what}", "OpenCV", "people/s", found["ours"], found["theirs"], note=note)


def _rate(cut, seconds: float) -> float:  # type: ignore[no-untyped-def]
    """People a second."""
    people, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        cut()
        people += PEOPLE
    return people / taken


if __name__ == "__main__":
    measure.main(figures)
