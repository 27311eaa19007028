"""posebeam: videos and images to pose data sets that train action models.

The few public names, each the door to a command or to what a command is made of; a command's flags are keywords,
with _ for -. Nothing is loaded before it is asked for: importing posebeam costs no torch, no Beam, no OpenCV.

    import cv2
    import posebeam
    from torch.utils.data import DataLoader

    # Videos in <label>/* to a data set, a trained model, its figures, and what it says of a video.
    posebeam.build("videos", "videos", "out/data", chain="act-window", limit=6)
    posebeam.train("out/data", "out/model", epochs=2)
    figures = posebeam.evaluate("out/model", "out/data")
    first = posebeam.predict("out/model", "videos/walking/room_1.mp4")[0]
    print(figures["clip_accuracy"], first["label"], first["probability"])

    # The windows, for training loops of one's own.
    windows = posebeam.load_windows("out/data", split="train")
    for x, valid, label, clip in DataLoader(windows, batch_size=8, shuffle=True):
        print(x.shape, valid.shape, [windows.classes[number] for number in label], clip[0])

    # A pose backbone, for pictures (RGB) and videos of one's own.
    estimator = posebeam.Estimator("movenet-lightning")
    people = estimator([cv2.cvtColor(cv2.imread("picture.jpg"), cv2.COLOR_BGR2RGB)])[0]
    print(people.xy.shape, dict(zip(estimator.skeleton.joints, people.score[0])))
    for frame, people in estimator.video("videos/walking/room_1.mp4"):
        print(frame.seconds, people.boxes)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posebeam.models.registry import rows as backbones
    from posebeam.transforms.errors import PosebeamError
    from posebeam.transforms.people import People
    from posebeam.workflows.action.window_items import load_windows
    from posebeam.workflows.calls import build, check, evaluate, load_model, predict, train
    from posebeam.workflows.look import Estimator

__version__ = version("posebeam")

__all__ = [
    "Estimator", "People", "PosebeamError", "backbones", "build", "check", "evaluate", "load_model",
    "load_windows", "predict", "train",
]  # fmt: skip

_HOMES = {
    "Estimator": "workflows.look:Estimator",
    "People": "transforms.people:People",
    "PosebeamError": "transforms.errors:PosebeamError",
    "backbones": "models.registry:rows",
    "build": "workflows.calls:build",
    "check": "workflows.calls:check",
    "evaluate": "workflows.calls:evaluate",
    "load_model": "workflows.calls:load_model",
    "load_windows": "workflows.action.window_items:load_windows",
    "predict": "workflows.calls:predict",
    "train": "workflows.calls:train",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name from the room that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'posebeam' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, own = _HOMES[name].split(":")
    found = globals()[name] = getattr(import_module(f"posebeam.{module}"), own)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
