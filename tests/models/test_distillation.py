"""Student and teacher against DINO's: six whole updates, and the parts of one."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models.distillation import Learner, clip_each, follow, freeze, parameter_groups
from posebeam.models.losses.dino import DinoLoss
from posebeam.models.networks.dino_head import DinoHead
from posebeam.models.schedules import Cosine, Ramp
from posebeam.transforms.errors import ConfigError

STEPS, EPOCH = 6, 3  # updates, and how many an epoch has


@pytest.fixture(scope="module")
def golden():
    """Made by DINO's code; every 5th value of tensors above 300 values."""
    with np.load(Path(__file__).parent / "golden" / "dino.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def stream(key):
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{key}".encode())))


class Trunk(nn.Module):
    """What the golden has for a trunk: crops [N, 6, L] to [N, 24]."""

    def __init__(self):
        super().__init__()
        self.lin, self.bn, self.lin2 = nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Linear(8, 24)

    def forward(self, x):
        return self.lin2(nn.functional.gelu(self.bn(self.lin(x.mean(-1)))))


def learner():
    """Student and teacher alike, of made weights."""
    network = Learner(Trunk(), DinoHead(24, out=40, hidden=32, bottleneck=16))
    for key, value in network.state_dict().items():
        draw = stream(f"step/{key}".replace("weight_v", "weight"))
        if key.endswith(("tracked", "weight_g")):
            continue
        if key.endswith("running_var") or (key.endswith("weight") and value.dim() == 1):
            made = draw.uniform(0.5, 1.5, value.shape)
        elif value.dim() == 1:
            made = 0.1 * draw.standard_normal(value.shape)
        else:
            z = draw.standard_normal(value.shape)
            made = (z - z.mean(1, keepdims=True)) / np.sqrt(value.shape[1])
        value.copy_(torch.from_numpy(made.astype(np.float32)))
    return network


def crops(step):
    return [
        torch.from_numpy(stream(f"step/crop{c}/{step}").standard_normal((4, 6, size)).astype(np.float32))
        for c, size in enumerate((5, 5, 3, 3, 3))
    ]


def near(got, want):
    every = 5 if got.numel() > 300 else 1
    want = want.flatten().double()
    return (got.flatten()[::every] - want).abs().max() <= 1e-6 * want.abs().max()


def test_six_whole_updates_equal_the_published_ones(golden):
    student, teacher, loss, temperature = learner(), learner(), DinoLoss(40), Ramp(epochs=2)
    adamw = torch.optim.AdamW(parameter_groups(student))
    rates, decays, momenta = golden["step/settings"].tolist()
    losses = []
    for step in range(STEPS):
        adamw.param_groups[0]["weight_decay"] = decays[step]
        for group in adamw.param_groups:
            group["lr"] = rates[step]
        seen = crops(step)
        value = loss(student(seen), teacher(seen[:2]), temperature(step // EPOCH))
        adamw.zero_grad()
        value.backward()
        clip_each(student.parameters(), 0.3)
        if step < EPOCH:
            freeze(student.head.last_layer)
        adamw.step()
        follow(teacher, student, momenta[step])
        losses.append(value.item())
    assert losses == pytest.approx(golden["step/loss"].tolist(), rel=1e-6)
    assert near(loss.center, golden["step/center"])
    for name, network in (("student", student), ("teacher", teacher)):
        for key, value in network.state_dict().items():
            assert near(value, golden[f"step/{name}_after/{key}"]), (name, key)


def test_the_steps_numbers_are_schedules(golden):
    made = Cosine(0.01, 1e-6, 12, warmup=3), Cosine(0.04, 0.4, 12), Cosine(0.9, 1.0, 12)
    want = golden["step/settings"].numpy()
    assert np.array([[each(step) for step in range(STEPS)] for each in made]) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("case", ["large", "small"])
def test_each_gradient_is_clipped_for_itself(golden, case):
    tensors = [nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2))]
    for name, tensor in zip(("weight", "bias"), tensors, strict=False):
        draw = stream(f"clip/{case}/{name}").standard_normal(tensor.shape)
        tensor.grad = torch.from_numpy(((5 if case == "large" else 0.1) * draw).astype(np.float32))
    assert clip_each(tensors) == pytest.approx(golden[f"clip/{case}/norms"].tolist(), rel=1e-6)
    assert near(tensors[0].grad, golden[f"clip/{case}/weight"])
    assert near(tensors[1].grad, golden[f"clip/{case}/bias"])
    assert tensors[2].grad is None


def test_one_pass_a_size_in_the_order_of_the_crops():
    class Counting(nn.Module):
        sizes: list[tuple[int, ...]] = []  # noqa: RUF012

        def forward(self, x):
            self.sizes.append(tuple(x.shape))
            return x.mean((1, 2, 3), keepdim=True).flatten(1)

    trunk = Counting()
    images = [torch.full((2, 3, size, 4), float(n)) for n, size in enumerate((8, 8, 6, 6, 6))]
    said = Learner(trunk, nn.Identity())(images)
    assert trunk.sizes == [(4, 3, 8, 4), (6, 3, 6, 4)]
    assert said[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_teacher_follows_by_parameters_alone():
    student, teacher = learner(), learner()
    student(crops(0))
    with torch.no_grad():
        student.backbone.lin2.bias += 1
    before = teacher.backbone.lin2.bias.clone()
    follow(teacher, student, 0.75)
    assert torch.allclose(teacher.backbone.lin2.bias, before + 0.25)
    assert teacher.backbone.bn.num_batches_tracked == 0
    assert student.backbone.bn.num_batches_tracked == 2


def test_no_gradients_and_no_length():
    assert clip_each([nn.Parameter(torch.zeros(2))]) == []
    with pytest.raises(ConfigError, match="more than 0"):
        clip_each([], 0)
