"""Trained: a run folder, that is a trained model and all that is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from posebeam.models.networks.act import AcT, build_act
from posebeam.models.registry import choose_device, is_run, row, row_sha256, rows, weights_sha256
from posebeam.pipelines.made import Made
from posebeam.pipelines.settings import IMPORTED
from posebeam.transforms.augment import mirror
from posebeam.transforms.errors import DataError
from posebeam.transforms.layout import layout
from posebeam.workflows.run_folder import WEIGHTS, read_record

_BATCH = 512  # windows at a time


def build_model(name: str, classes: int, window: int) -> AcT:
    """A fresh network by the name it has on the command line, act-micro for example."""
    return build_act(name.removeprefix("act-"), classes, window)


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run. `record` is its run.json; made says how the windows it was trained on were made."""

    folder: Path
    record: Mapping[str, Any]
    network: AcT
    device: torch.device

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> "Trained":
        """The model of a run folder, ready to predict; DataError if the run is unfinished or damaged."""
        record = read_record(folder)
        if record["state"] != "finished":
            raise DataError(f"{folder}: its training is unfinished; go on with the same command and --resume")
        if "model" not in record:
            raise DataError(f"{folder} holds no action model: it is a run of another command than posebeam train")
        network = build_model(record["model"], len(record["classes"]), record["data"]["window"])
        try:
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise DataError(f"{folder / WEIGHTS} does not fit {record['model']}: {error}") from error
        chosen = choose_device(device)
        return cls(folder, record, network.to(chosen).eval(), chosen)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the probabilities."""
        return tuple(self.record["classes"])

    @property
    def made(self) -> Made:
        """How the windows it was trained on were made."""
        return Made.of(self.record["data"])

    def backbone(self, asked: str) -> str:
        """Who looks at videos for this model: who is asked for, else who made the poses it was trained on.

        DataError if that does not fit (refuse_backbone), or was trained by its user: no name says where that lies.
        """
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
        advice = f"--backbone {' or '.join(fitting)}" if fitting else (
            "no backbone here does; evaluate it on what posebeam import openpose-json or mpose makes"
        )  # fmt: skip
        if name.startswith(IMPORTED):
            raise DataError(
                f"{self.folder} was made for poses that another program wrote ({name}); for videos a backbone is "
                f"needed that sees the joints of {own.base.name}: {advice}"
            )
        if row(name).skeleton not in own.sources:
            raise DataError(
                f"{self.folder} takes windows of layout {own.name}, made of the joints of {own.base.name}; {name} "
                f"sees those of {row(name).skeleton}: {advice}"
            )

    def probabilities(self, x: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Windows x [n, T, 52] and valid [n, T, 13] to probabilities [n, classes]."""
        if x.shape[1:] != (self.made.window, 52) or valid.shape != (*x.shape[:2], 13):
            raise ValueError(
                f"got x {list(x.shape)} and valid {list(valid.shape)}, "
                f"expected [n, {self.made.window}, 52] and [n, {self.made.window}, 13]"
            )
        direct = self._softmax(x)
        if not self.record["recipe"]["mirrored"]:
            return direct
        images, _ = mirror(x, valid, layout(self.made.layout))
        return (direct + self._softmax(images)) * np.float32(0.5)

    def _softmax(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, T, 52] to [n, classes]."""
        with torch.inference_mode():
            parts = [
                self.network(torch.from_numpy(x[first : first + _BATCH]).to(self.device)).softmax(-1).cpu().numpy()
                for first in range(0, len(x), _BATCH)
            ]
        return np.concatenate([np.zeros((0, len(self.classes)), np.float32), *parts])
