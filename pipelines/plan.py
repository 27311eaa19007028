"""Plan: written before anything runs; says what a finished data set consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.publish import publish_json
from posebeam.pipelines.record import read_record
from posebeam.pipelines.schema import VERSION
from posebeam.pipelines.settings import Settings, differences, digest
from posebeam.pipelines.shard import CLIPS_PER_SHARD, IMAGES_PER_SHARD, ShardName, shard_count, shard_of
from posebeam.pipelines.stores.address import uri_of
from posebeam.pipelines.stores.held import WORK, held
from posebeam.transforms.errors import DataError, PlanError, SourceError

FILE = "plan.json"
_SAYS = {"hash": str, "settings": dict, "classes": list, "shards": dict, "missing": int, "unlisted": int}


@dataclass(frozen=True)
class Plan:
    """Configuration, classes, and for each shard the number of clips and the digest of its references."""

    settings: Settings
    classes: tuple[str, ...]
    shards: Mapping[ShardName, tuple[int, str]]
    missing: int
    unlisted: int

    @property
    def hash(self) -> str:
        """What every receipt must carry: the configuration, and the classes that the labels count."""
        return digest([VERSION, self.settings.as_dict(), self.classes])

    def as_dict(self) -> dict[str, Any]:
        """As it stands in plan.json."""
        return {
            "schema": VERSION,
            "hash": self.hash,
            "settings": self.settings.as_dict(),
            "classes": list(self.classes),
            "shards": {str(name): {"clips": n, "refs": refs} for name, (n, refs) in self.shards.items()},
            "missing": self.missing,
            "unlisted": self.unlisted,
        }

    @property
    def listed(self) -> int:
        """Clips that the plan knows of: to be built, or missing."""
        return self.missing + sum(clips for clips, _ in self.shards.values())


def make_plan(listing: Listing, settings: Settings) -> tuple[Plan, dict[ShardName, tuple[ClipRef, ...]]]:
    """The plan, and the references of each shard. SourceError if a label stands outside training only; labels of
    images are no classes to learn, and may."""
    stills = settings.poses.stills
    classes = tuple(sorted({ref.label for ref in listing.refs if stills or ref.split == "train"}))
    unseen = sorted({ref.label for ref in listing.refs} - set(classes))
    if unseen:
        raise SourceError(
            f"no training clip is labelled {', '.join(unseen)}, but clips of other splits are: "
            "add training clips of it or remove the others"
        )
    shards = _assign(listing.refs, settings)
    sizes = {name: (len(refs), refs_digest(refs)) for name, refs in shards.items()}
    return Plan(settings, classes, sizes, len(listing.missing), len(listing.unlisted)), shards


def refs_digest(refs: Sequence[ClipRef]) -> str:
    """What a receipt says of its shard's references, in the order of their ids; where they lie is not in it."""
    return digest([ref.values[1:] for ref in refs])


def _assign(refs: Sequence[ClipRef], settings: Settings) -> dict[ShardName, tuple[ClipRef, ...]]:
    """References by shard, every shard named even if no clip falls into it."""
    shards: dict[ShardName, list[ClipRef]] = {}
    each = IMAGES_PER_SHARD if settings.poses.images else CLIPS_PER_SHARD
    for split in sorted({ref.split for ref in refs}):
        own = sorted((ref for ref in refs if ref.split == split), key=lambda ref: ref.clip_id)
        count = shard_count(len(own), settings.poses.shards, each)
        shards |= {ShardName(split, index, count): [] for index in range(count)}
        for ref in own:
            shards[shard_of(ref.clip_id, split, count)].append(ref)
    return {name: tuple(held) for name, held in shards.items()}


def write_plan(plan: Plan, out: Path, ours: bool = False) -> None:
    """Write plan.json. PlanError, with the differences, if OUT was begun with another configuration, or (unless it
    is known to be `ours`) holds files and no plan.

    Of a data set in a store the records are here already (stores/held.py).
    """
    if (out / FILE).exists():
        before = read_plan(out)
        if before == plan.as_dict():
            return
        lines = differences(before["settings"], plan.settings.as_dict())
        if lines:
            raise PlanError(
                f"{out} was begun with another configuration:\n  " + "\n  ".join(lines) + "\n"
                "Take the old one, another folder, or --overwrite."
            )
    elif not ours and _holds_files(out):
        raise PlanError(f"{out} holds files but no {FILE}: it is no data set of posebeam; take another folder")
    publish_json(plan.as_dict(), out, FILE)


def _holds_files(out: Path) -> bool:
    if uri_of(out):
        return bool(held(out))
    return out.is_dir() and any(entry.name != WORK for entry in out.iterdir())


def read_plan(out: Path) -> dict[str, Any]:
    """plan.json as a mapping; DataError if there is none, or of another schema."""
    path = out / FILE
    if not path.is_file():
        raise DataError(f"{out} holds no {FILE}: it is no data set of posebeam (posebeam build makes one)")
    return read_record(path, _SAYS)
