"""MoveNet against outputs of its published graph, its conversion, and what it says of real videos."""

import json

import cv2
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from posebeam.models import convert_movenet, registry
from posebeam.models.checkpoint import load
from posebeam.models.decoders.movenet import decode
from posebeam.models.movenet import cut_out
from posebeam.models.networks.movenet import Heads
from posebeam.models.registry import load_estimator
from posebeam.models.weights import locate
from posebeam.pipelines.decode import open_clip
from posebeam.transforms.errors import WeightsError
from posebeam.transforms.skeleton import skeleton

STEPS = {"movenet-lightning": 61, "movenet-thunder": 97}


def pictures(picture: np.ndarray, size: int) -> torch.Tensor:
    """The two inputs of the goldens, [2, 3, size, size]: a person in a black frame, and a pattern."""
    framed = np.zeros((size, size, 3), np.uint8)
    corner = (size - len(picture)) // 2
    framed[corner : corner + len(picture), corner : corner + len(picture)] = picture
    y, x, c = np.ogrid[:size, :size, :3]
    pattern = ((x * x * 3 + y * (7 + c * 5) + (x * y) // 9) % 256).astype(np.uint8)
    return torch.from_numpy(np.stack([framed, pattern])).permute(0, 3, 1, 2).float()


@pytest.fixture(scope="module", params=sorted(STEPS))
def computed(request, movenet_golden) -> tuple[str, Heads]:
    """A row's name, and what its network with its published weights makes of the two pictures."""
    row = registry.row(request.param)
    network = registry.build_network(row.name)
    load(network, locate(row.name, row.weights))
    with torch.inference_mode():
        return row.name, network(pictures(movenet_golden["picture"], row.input[0]))


def test_raw_maps_agree_with_the_published_graph(computed, movenet_golden):
    name, heads = computed
    for field in Heads._fields:
        ours = getattr(heads, field).contiguous().numpy().reshape(-1)[:: STEPS[name]]
        theirs = movenet_golden[f"{name}/{field}"]
        error = np.abs(ours - theirs).max() / np.abs(theirs).max()
        print(f"{name} {field}: {error:.1e} of the range")
        assert error < 1e-5


def test_joints_agree_with_the_published_graph(computed, movenet_golden):
    name, heads = computed
    error = np.abs(decode(heads).numpy() - movenet_golden[f"{name}/out"]).max()
    print(f"{name}: joints and scores {error:.1e}")
    assert error < 1e-5


def test_decoder_finds_what_was_hidden():
    """A person in cell (4, 6), joint k in cell (k // 4, k % 8) with a known offset."""
    K, h, w = 17, 8, 12
    center, heatmap = torch.full((1, 1, h, w), -9.0), torch.full((1, K, h, w), -9.0)
    regress, offset = torch.zeros(1, 2 * K, h, w), torch.zeros(1, 2 * K, h, w)
    center[0, 0, 4, 6] = 3
    for k in range(K):
        y, x = k // 4, k % 8
        heatmap[0, k, y, x] = 2
        regress[0, 2 * k : 2 * k + 2, 4, 6] = torch.tensor([y - 4.0, x - 6.0])
        offset[0, 2 * k : 2 * k + 2, y, x] = torch.tensor([0.25, 0.5])
    out = decode(Heads(center, heatmap, regress, offset))[0]
    k = torch.arange(K)
    expected = torch.stack(((k // 4 + 0.25) / h, (k % 8 + 0.5) / w, torch.full((K,), 2.0).sigmoid()), -1)
    torch.testing.assert_close(out, expected, atol=3e-4, rtol=0)  # the graph's 1 / cells is an fp16 number


def test_decoder_prefers_the_peak_near_the_rough_position():
    heads = Heads(*(torch.full((1, channels, 8, 8), -9.0) for channels in (1, 1)), *torch.zeros(2, 1, 2, 8, 8))
    heads.center[0, 0, 4, 4] = 3
    heads.heatmap[0, 0, 4, 5] = 1.0  # a cell away
    heads.heatmap[0, 0, 0, 0] = 1.5  # higher, but far
    assert decode(heads)[0, 0, :2].tolist() == pytest.approx([4 / 8, 5 / 8], abs=1e-4)


def written_as_tfjs(state: dict[str, np.ndarray], folder) -> tuple:
    """A state dict as the two files of a tfjs graph model, in fp16."""
    boxes = any(key.startswith("box_scale") for key in state)
    tensors = {convert_movenet.graph_name(key, boxes): as_tensorflow(key, value) for key, value in state.items()}
    constants = convert_movenet.CONSTANTS[boxes]
    tensors |= {f"StatefulPartitionedCall/{k}": np.float16(v) for k, v in constants.items()}
    quantization = {"dtype": "float16", "original_dtype": "float32"}
    entries = [
        {"name": name, "shape": list(value.shape), "dtype": "float32", "quantization": quantization}
        for name, value in tensors.items()
    ]
    model, data = folder / "model.json", folder / "model.bin"
    model.write_text(json.dumps({"weightsManifest": [{"weights": entries}]}))
    data.write_bytes(b"".join(value.tobytes() for value in tensors.values()))
    return model, data


def as_tensorflow(key: str, value: np.ndarray) -> np.ndarray:
    """[out, in, kh, kw] to [kh, kw, in, out]; depthwise [C, 1, kh, kw] to [kh, kw, C, 1]."""
    return value if value.ndim == 1 else value.transpose((2, 3, 0, 1) if "depthwise" in key else (2, 3, 1, 0))


def embedded(name: str) -> dict[str, np.ndarray]:
    return load_file(locate(name, registry.row(name).weights))


@pytest.mark.parametrize("name", ["movenet-lightning", "movenet-multipose"])
def test_conversion_finds_every_tensor(name, tmp_path):
    state = embedded(name)
    model, data = written_as_tfjs(state, tmp_path)
    out, twice = tmp_path / "out.safetensors", tmp_path / "twice.safetensors"
    convert_movenet.convert(model, data, out)
    convert_movenet.convert(model, data, twice)
    assert out.read_bytes() == twice.read_bytes()
    again = load_file(out)
    assert again.keys() == state.keys()
    assert all(np.array_equal(again[key], state[key]) for key in state)


@pytest.mark.parametrize("name", ["movenet-lightning", "movenet-thunder", "movenet-multipose"])
def test_the_embedded_weights_are_the_published_ones(name, foreign_data, tmp_path):
    published = foreign_data.parent / "weights" / f"{name}.json"
    if not published.is_file():
        pytest.skip(f"no {published}")
    convert_movenet.convert(published, published.with_suffix(".bin"), tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").read_bytes() == locate(name, registry.row(name).weights).read_bytes()


def test_conversion_refuses_what_is_cut_off_or_another_graph(tmp_path):
    model, data = written_as_tfjs(embedded("movenet-lightning"), tmp_path)
    tensors = convert_movenet.read_tfjs(model, data)
    data.write_bytes(data.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="too short"):
        convert_movenet.read_tfjs(model, data)
    with pytest.raises(WeightsError, match="constant add_5/y"):
        convert_movenet.to_state(tensors | {"StatefulPartitionedCall/add_5/y": np.float16(2)})
    with pytest.raises(WeightsError, match="no tensor"):
        convert_movenet.to_state({k: v for k, v in tensors.items() if "block_7_expand" not in k})


def read_video(path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(np.ascontiguousarray(read[1][..., ::-1]))
    return frames


def poses_of(folder, video: str) -> np.ndarray:
    """[T, 17, 2]: pose_1 has joints by name (MoveNet, smoothed); pose_squats BlazePose's 33 (x, y, z)."""
    if video == "pose_1":
        poses = json.loads((folder / "pose_1.json").read_text())
        return np.array([[(pose[j]["x"], pose[j]["y"]) for j in skeleton("coco17").joints] for pose in poses])
    poses = np.array(json.loads((folder / "pose_squats.full.json").read_text()))
    return poses[:, skeleton("blazepose33").indices(skeleton("coco17").joints), :2]


def mean_error(estimator, frames: list[np.ndarray], truth: np.ndarray) -> float:
    """Mean distance of a joint in lengths of the torso, shoulders' middle to hips' middle; nobody counts as 1."""
    hint, errors = None, []
    for frame, pose in zip(frames, truth, strict=True):
        people = estimator([frame], [hint])[0]
        hint = estimator.next_hint(people, frame.shape[:2])
        torso = np.linalg.norm(pose[[5, 6]].mean(0) - pose[[11, 12]].mean(0))
        distance = np.linalg.norm(people.xy[0] - pose, axis=-1).mean() / torso if len(people) else 1.0
        errors.append(distance)
    return float(np.mean(errors))


@pytest.mark.parametrize("video", ["pose_1", "pose_squats"])
def test_following_comes_nearer_to_the_videos_own_poses(video, foreign_data):
    folder = foreign_data / "video_with_keypoints"
    frames, truth = read_video(folder / f"{video}.mp4"), poses_of(folder, video)
    errors = {
        follows: mean_error(
            registry.load_estimator("movenet-lightning", device="cpu", crop_following=follows), frames, truth
        )
        for follows in (False, True)
    }
    print(f"{video}: mean joint error {errors[False]:.4f} torsos without following, {errors[True]:.4f} with")
    assert errors[True] < errors[False]


def test_who_stands_beside_a_box_is_not_shown(media):
    rgb = next(iter(open_clip(media / "actions/walking/garden_2.avi"))).rgb
    H, W = rgb.shape[:2]
    box = np.array([(0.4 * W, 0.2 * H, 0.2 * W, 0.6 * H)])
    others = rgb.copy()
    others[:, : int(0.38 * W)] = 255  # beyond the box, widened by a tenth, but within the square
    others[:, int(0.63 * W) :] = 128
    estimator = load_estimator("movenet-lightning", device="cpu", crop_following=False)
    alone, among = estimator.in_boxes([rgb, others], [box, box])
    np.testing.assert_array_equal(alone.xy, among.xy)
    (seen,) = estimator.in_boxes([others], [np.array([(0.0, 0.0, W, H)])])
    assert not np.array_equal(seen.xy, alone.xy)


@pytest.mark.parametrize(
    ("box", "shape", "origin"),
    [
        ((1.5, 2, 4, 5.1), (4, 3), (1, 2)), ((-3, -2, 2, 1), (1, 2), (0, 0)), ((-9, -9, -5, -5), (1, 1), (0, 0)),
        ((8, 6, 99, 99), (2, 2), (8, 6)), ((50, 50, 60, 60), (1, 1), (9, 7)),
    ],
)  # fmt: skip
def test_cut_out_pixels_are_in_the_frame_and_never_none(box, shape, origin):
    piece, at = cut_out(np.zeros((8, 10, 3), np.uint8), box)
    assert (piece.shape[:2], at) == (shape, origin)
