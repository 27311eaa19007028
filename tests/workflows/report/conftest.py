"""What the tests of reports share: two runs over a made data set, and a page of all of it."""

import pytest

from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig


@pytest.fixture(scope="session")
def out(make_windows, tmp_path_factory):
    """A data set in which one clip shows nobody."""
    return make_windows(tmp_path_factory.mktemp("data") / "out", silent=(0,))


@pytest.fixture(scope="session")
def runs(out, tmp_path_factory):
    """A run that learns little, and one that learned more; both evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    for name, epochs in (("poor", 1), ("better", 4)):
        train(out, folder / name, TrainConfig(epochs=epochs, batch_size=16, device="cpu"))
        assert posebeam(["evaluate", str(folder / name), str(out)]) == 0
    return folder / "poor", folder / "better"


@pytest.fixture(scope="session")
def page(runs, out, tmp_path_factory):
    """Both runs, a backbone and the data set."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    names = [*map(str, runs), "movenet-lightning", str(out)]
    assert posebeam(["report", *names, "--html", str(path), "--no-speed"]) == 0
    return path
