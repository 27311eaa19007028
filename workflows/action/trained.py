"""Trained: a run folder, that is a trained model and all that is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from posebeam.models.device import choose_device
from posebeam.models.registry import is_run, pose_row, row, row_sha256, rows, weights_sha256
from posebeam.pipelines.features.made import FeaturesMade
from posebeam.pipelines.settings import IMPORTED
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.layout import layout
from posebeam.workflows.action.kind import Kind
from posebeam.workflows.action.kinds import kind_of
from posebeam.workflows.action.model_record import require_model
from posebeam.workflows.run_folder import RECORD, WEIGHTS, read_record

_BATCH = 512  # windows at a time


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run. `record` is its run.json; made says how the rows it was trained on were made."""

    folder: Path
    record: Mapping[str, Any]
    network: nn.Module
    device: torch.device

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> "Trained":
        """The model of a run folder, ready to predict; DataError if the run is unfinished or damaged."""
        record = read_record(folder)
        if record["state"] != "finished":
            raise DataError(f"{folder}: its training is unfinished; go on with the same command and --resume")
        if "model" not in record:
            raise DataError(f"{folder} holds no action model: it is a run of another command than posebeam train")
        require_model(folder / RECORD, record)
        network = kind_of(record["model"]).build(record)
        try:
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise DataError(f"{folder / WEIGHTS} does not fit {record['model']}: {error}") from error
        if strange := [name for name, value in network.state_dict().items() if not value.isfinite().all()]:
            raise DataError(
                f"{folder / WEIGHTS} is damaged: {', '.join(strange[:3])} holds values that are not finite"
            )
        chosen = choose_device(device)
        return cls(folder, record, network.to(chosen).eval(), chosen)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the probabilities."""
        return tuple(self.record["classes"])

    @property
    def kind(self) -> Kind:
        """What sets it apart from other kinds of action models."""
        return kind_of(self.record["model"])

    @property
    def made(self) -> Any:
        """How the rows it was trained on were made: Made, or FeaturesMade of the hybrid classifier."""
        return self.kind.made(self.record["data"])

    @cached_property
    def _said(self) -> nn.Module:
        return self.kind.said(self.record, self.network).to(self.device).eval()

    @property
    def looks_at_poses(self) -> bool:
        """Whether it takes windows of poses; the hybrid classifier takes features of frames."""
        return not isinstance(self.made, FeaturesMade)

    def backbone(self, asked: str) -> str:
        """Who looks at videos for this model: who is asked for, else who made the poses it was trained on.

        DataError if that does not fit (refuse_backbone), or was trained by its user: no name says where that lies.
        """
        if not self.looks_at_poses:
            if asked:
                raise ConfigError(
                    f"--backbone {asked}: {self.folder} looks at features of frames ({self.made.features}), not "
                    "at poses"
                )
            return self.made.source
        name = asked or self.made.backbone
        if not asked and self.record["data"].get("backbone_sha256"):
            raise DataError(
                f"{self.folder} was trained on poses of {name}, which is a run of posebeam train-pose: say where "
                "that run is (--backbone RUN)"
            )
        self.refuse_backbone(name)
        return name

    def knows_backbone(self, name: str) -> bool:
        """Whether a backbone made the poses that this model was trained on: of a run, the same weights and row."""
        if not self.looks_at_poses:
            return bool(name == self.made.source)
        if row(name).name != self.made.backbone or row_sha256(name) != self.record["data"].get(
            "backbone_sha256", ""
        ):
            return False
        return not is_run(name) or weights_sha256(name) == self.made.weights_sha256

    def refuse_backbone(self, name: str) -> None:
        """DataError, with the reason and the backbones that would do, if poses of a backbone give no windows of
        this model's layout; and if its poses came from another program.
        """
        own = layout(self.made.layout)
        fitting = [each.name for each in rows() if each.skeleton in own.sources]
        shown = " or ".join(fitting[:4]) + (" or others (posebeam backbones)" if len(fitting) > 4 else "")
        advice = f"--backbone {shown}" if fitting else (
            "no backbone here does; evaluate it on what posebeam import openpose-json or mpose makes"
        )  # fmt: skip
        if name.startswith(IMPORTED):
            raise DataError(
                f"{self.folder} was made for poses that another program wrote ({name}); for videos a backbone is "
                f"needed that sees the joints of {own.base.name}: {advice}"
            )
        if pose_row(name).skeleton not in own.sources:
            raise DataError(
                f"{self.folder} takes windows of layout {own.name}, made of the joints of {own.base.name}; {name} "
                f"sees those of {row(name).skeleton}: {advice}"
            )

    def probabilities(self, x: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Windows x [n, T, 52] and valid [n, T, 13] to probabilities [n, classes]; features x [n, 20, F] and valid
        [n, 20] where the model is the hybrid classifier."""
        shape, seen = self.made.shape, self.made.seen_shape
        if x.shape[1:] != shape or valid.shape != (len(x), *seen):
            raise ValueError(
                f"got x {list(x.shape)} and valid {list(valid.shape)}, "
                f"expected [n, {', '.join(map(str, shape))}] and [n, {', '.join(map(str, seen))}]"
            )
        with torch.inference_mode():
            parts = [
                self._said(torch.from_numpy(x[first : first + _BATCH]).to(self.device))[1].cpu().numpy()
                for first in range(0, len(x), _BATCH)
            ]
        return np.concatenate([np.zeros((0, len(self.classes)), np.float32), *parts])
