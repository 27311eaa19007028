"""Job: what a worker is told, small enough to travel with the graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from posebeam.models.clip_features import LENGTH
from posebeam.models.estimator import Estimator
from posebeam.models.extractors import extractor, load_extractor
from posebeam.models.registry import load_estimator
from posebeam.pipelines.blind import Blind
from posebeam.pipelines.images.schema import image_features
from posebeam.pipelines.plan import Plan
from posebeam.pipelines.receipt import is_finished
from posebeam.pipelines.schema import VERSION
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.stores.address import address, located
from posebeam.pipelines.stores.store import use, used
from posebeam.transforms.chain import chain
from posebeam.transforms.windows import WindowRule

if TYPE_CHECKING:
    from posebeam.models.frame_features import FrameFeatures

FRAME_BYTES = 256 << 20  # decoded frames that wait for the network, in one worker


@dataclass(frozen=True)
class Job:
    """Where to write, under which plan, and how. Paths and devices here decide no byte of the data.

    refs maps a shard's name to the digest of its references. weights is a local checkpoint, or "" for the
    row's own; features_weights the same for the extractor of features. progress is a folder for reports of
    progress, or "". runs maps the names of trained backbones to the run folders that they are in. out may be a
    URI; beam_args say how to reach object stores.
    """

    out: str
    plan_hash: str
    refs: dict[str, str]
    classes: tuple[str, ...]
    settings: Settings
    weights: str = ""
    progress: str = ""
    frame_bytes: int = FRAME_BYTES
    stall_seconds: float = 60.0
    runs: Mapping[str, str] = field(default_factory=dict)
    features_weights: str = ""
    beam_args: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, plan: Plan, out: Path, weights: str, progress: str, runs: Mapping[str, str] | None = None,
        features_weights: str = "",
    ) -> "Job":  # fmt: skip
        """The job of a plan."""
        refs = {str(name): digest for name, (_, digest) in plan.shards.items()}
        return cls(
            address(out), plan.hash, refs, plan.classes, plan.settings, weights, progress, runs=dict(runs or {}),
            features_weights=features_weights, beam_args=used(),
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        """OUT, or the path that stands for it on the worker that asks; from now on it can reach the stores."""
        use(self.beam_args)
        return located(self.out)

    def load_estimator(self) -> Estimator:
        """The backbone, on the device that the settings name; without one, who sees nobody."""
        poses = self.settings.poses
        if not poses.has_poses:
            return Blind()
        return load_estimator(
            self.runs.get(poses.backbone, poses.backbone),
            decode=poses.decode,
            device=poses.device_kind,
            weights=Path(self.weights) if self.weights else None,
            batch_size=poses.batch_size,
            crop_following=poses.crop_following,
            detector=self.runs.get(poses.detector, poses.detector),
            flip=poses.flip,
        )

    def load_extractor(self) -> "FrameFeatures | None":
        """Who makes features, on the same device; None where none are wanted."""
        poses = self.settings.poses
        if not poses.features:
            return None
        return load_extractor(
            poses.features,
            device=poses.device_kind,
            weights=Path(self.features_weights) if self.features_weights else None,
            batch_size=poses.batch_size,
        )

    def is_finished(self, name: ShardName, files: Mapping[str, int] | None = None) -> bool:
        """Whether this shard was finished by an earlier run of the same plan; files: what OUT holds, if known."""
        return is_finished(self.folder, name, self.plan_hash, self.refs[str(name)], files)

    def footer(self, product: str, skeleton: str) -> dict[str, str]:
        """Key-values of every Parquet file: how the data were made, and how to read the flat columns."""
        poses, rule = self.settings.poses, self.settings.windows
        common = {
            "posebeam.schema": VERSION,
            "posebeam.product": product,
            **(_pose_footer(poses, skeleton) if poses.has_poses else {}),
            "posebeam.fps": f"{poses.fps:g}" if poses.fps else "as decoded",
            **{f"posebeam.{name}": str(value) for name, value in poses.boxes.items()},
        }
        if product == "windows":
            return common | _window_footer(rule)
        if product == "features":
            return common | _feature_footer(poses)
        if product == "images":
            return common | {"huggingface": image_features()}
        return common | (_still_footer(rule) if poses.stills and product == "poses" else {})


def _pose_footer(poses: PoseSettings, skeleton: str) -> dict[str, str]:
    return {
        "posebeam.backbone": poses.backbone,
        "posebeam.decode": poses.decode,
        "posebeam.weights_sha256": poses.weights_sha256,
        "posebeam.skeleton": skeleton,
    }


def _feature_footer(poses: PoseSettings) -> dict[str, str]:
    return {
        "posebeam.shape": f"features [{LENGTH}, {extractor(poses.features).width}]",
        "posebeam.features": poses.features,
        "posebeam.features_sha256": poses.features_sha256,
    }


def _chain_footer(rule: WindowRule) -> dict[str, str]:
    return {
        "posebeam.layout": rule.layout,
        "posebeam.chain": rule.chain,
        "posebeam.chain_version": str(chain(rule.chain).version),
        "posebeam.min_score": str(rule.min_score),
    }


def _still_footer(rule: WindowRule) -> dict[str, str]:
    return {"posebeam.shape": "norm13 [13, 2], valid13 [13]", **_chain_footer(rule)}


def _window_footer(rule: WindowRule) -> dict[str, str]:
    return {
        "posebeam.shape": f"x [{rule.length}, 52], valid [{rule.length}, 13]",
        **_chain_footer(rule),
        "posebeam.person": rule.person,
        "posebeam.window": str(rule.length),
        "posebeam.stride": str(rule.stride),
    }
