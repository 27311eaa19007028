"""Fill: how many clips advance side by side, and how full the batches of their frames were."""

from dataclasses import dataclass

_CHUNKS = 2, 4  # what the rows say a core takes at a time


@dataclass
class Fill:
    """How full the batches were: frames / (steps x slots); slots is the most frames that a batch could hold."""

    frames: int = 0
    steps: int = 0
    slots: int = 0


def slots_for(clips: int, batch_size: int, cohorts: int = 1) -> int:
    """Clips that advance side by side: enough to fill batches, few enough that all end at about one time.

    A multiple of a core's chunk: the chunk that is left over costs as much as a full one.
    """
    fair = max(1, clips // (4 * cohorts))
    chunk = _CHUNKS[fair > _CHUNKS[0]]
    return max(1, min(batch_size, clips, -(-fair // chunk) * chunk))
