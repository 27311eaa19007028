"""What the pictures of posebeam explain hold: the places, the queries, the frames that they say they show."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from posebeam.models import registry
from posebeam.models.decoders.matching import two_stage
from posebeam.models.dependency import areas, one_map, shown
from posebeam.models.detector import Boxes
from posebeam.models.networks.detr import DETR
from posebeam.models.networks.prtr import PRTR
from posebeam.models.pixels import normalised
from posebeam.pipelines.stills.still import open_still
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.prediction import Prediction
from posebeam.workflows.explain.film import person_regions
from posebeam.workflows.explain.grid import Strip, Tile, draw_grid
from posebeam.workflows.explain.joints import joint_strips
from posebeam.workflows.explain.look import look
from posebeam.workflows.explain.people import people_strips
from posebeam.workflows.explain.refinement import guesses
from posebeam.workflows.explain.window import Attended, frames_of

BOX = np.array([300.0, 20.0, 120.0, 250.0])
CPU = torch.device("cpu")


def nobody(frames):
    """A detector that is not asked: boxes are given."""
    return [Boxes(np.zeros((0, 4)), np.zeros(0, np.float32)) for _ in frames]


@pytest.fixture(scope="module")
def frame(media):
    return next(iter(open_still(media / "people.jpg"))).rgb


def backbone_of(name, network=None):
    row = registry.row(name)
    return registry.estimator_of(row, network or registry.build_network(name), CPU, batch_size=1, detector=nobody)


@pytest.fixture(scope="module")
def seen(frame):
    """TransPose-R-A3 with made weights on somebody."""
    backbone = backbone_of("transpose-r-a3")
    return backbone, look(registry.row("transpose-r-a3"), "made", backbone, frame, BOX)


def test_the_star_is_where_the_estimator_puts_the_joint(seen, frame):
    backbone, made = seen
    people = backbone.in_boxes([frame], [BOX[None]])[0]
    # The piece is 1.25 times the box, padded to its proportions, measured between the middles of pixels.
    zoom = (1.25 * BOX[3] * 192 / 256 - 1) / 191
    back = (made.xy - [95.5, 127.5]) * zoom + BOX[:2] + (BOX[2:] - 1) / 2
    np.testing.assert_allclose(back + 0.5, people.xy[0], atol=0.01)
    np.testing.assert_allclose(made.score, people.score[0], atol=1e-5)  # attention is not fused while it is seen
    assert made.piece.shape == (256, 192, 3)
    assert list(made.maps) == ["0", "1", "2"]


@pytest.mark.parametrize("way", ["depends-on", "affects"])
@pytest.mark.parametrize("head", [None, 5])
def test_a_tile_is_the_area_of_its_joint_in_its_layer(seen, way, head):
    _, made = seen
    strips = joint_strips(made, ("nose", "left_wrist"), way, head, 0.0013)
    assert [strip.label for strip in strips] == [f"made\nencoder layer {i}\nabove 0.0013" for i in range(3)]
    for layer, strip in enumerate(strips):
        assert strip.titles == ["nose", "left\nwrist"]
        for tile, joint in zip(strip.tiles, (0, 9), strict=True):
            place = torch.from_numpy(made.xy[[joint]])
            expected = areas(one_map(made.maps[str(layer)], head), (32, 24), place, (256, 192), way)
            np.testing.assert_array_equal(tile.heat, shown(expected, 0.0013)[0])
            assert tile.star == tuple(made.xy[joint])
            assert tile.sure == (made.score[joint] >= 0.2)


def test_the_published_threshold_is_that_of_the_cells(seen):
    _, made = seen
    strips = joint_strips(made, ("nose",), "depends-on", None, -1.0)
    assert all(strip.label.endswith("above 0.01") for strip in strips)
    assert not strips[0].tiles[0].heat[strips[0].tiles[0].heat > 0].min(initial=1) < 0.01


@pytest.fixture(scope="module")
def queried(frame):
    """A small PRTR, whose queries differ, with its backbone."""
    torch.manual_seed(3)
    network = PRTR(layers=3, width=32, heads=4, feedforward=32, queries=40)
    torch.nn.init.normal_(network.query_embed.weight, std=3)
    torch.nn.init.normal_(network.kpt_embed.layers[2].weight, std=3)
    row = registry.row("prtr-r50-384")
    return look(row, "made", backbone_of("prtr-r50-384", network.eval()), frame, BOX)


def test_every_decoder_layer_guesses_and_the_last_is_the_estimate(queried):
    layers = guesses(queried)
    assert len(layers) == 3
    for xy, score, query in layers:
        assert xy.shape == (40, 2)
        assert score.shape == (40, 18)
        np.testing.assert_allclose(score.sum(1), 1, atol=1e-5)
        assert len(set(query.tolist())) == 17
    xy, _, query = layers[-1]
    np.testing.assert_allclose(xy[query], queried.xy, atol=0.01)
    assert np.abs(layers[0][0] - xy).max() > 1


def test_each_layers_guesses_are_those_of_the_network_with_auxiliary_outputs(queried):
    network = PRTR(layers=3, width=32, heads=4, feedforward=32, queries=40, auxiliary=True).eval()
    network.load_state_dict(queried.network.state_dict())
    piece = torch.from_numpy(queried.piece).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        outputs = network(normalised(piece, "bgr"))
    ours = guesses(queried)
    for aux, (xy, _, query) in zip([*outputs["aux_outputs"], outputs], ours, strict=True):
        # The piece is rounded to whole levels of grey, which moves guesses a little.
        np.testing.assert_allclose(aux["pred_coords"][0] * torch.tensor((288, 384)), xy, atol=2)
        assert two_stage(aux["pred_logits"], aux["pred_coords"]).shape == (1, len(query), 3)


def test_a_query_shows_what_it_looked_at(queried):
    strips = joint_strips(queried, ("nose",), "depends-on", None, -1.0)
    query = guesses(queried)[-1][2][0]
    for layer, strip in enumerate(strips):
        assert strip.label == f"made\ndecoder layer {layer}"
        attention = queried.maps[str(layer)].mean(0)[query].view(12, 9)
        heat = strip.tiles[0].heat
        assert heat.shape == (384, 288)
        row, column = divmod(int(attention.argmax()), 9)
        np.testing.assert_array_equal(np.array(np.unravel_index(heat.argmax(), heat.shape)) // 32, (row, column))


def test_detr_shows_its_people_from_the_surest_on(frame):
    torch.manual_seed(0)
    network = DETR(layers=2, width=32, heads=4, feedforward=32, queries=20).eval()
    torch.nn.init.normal_(network.query_embed.weight, std=3)
    with torch.no_grad():
        network.class_embed.bias[1] = 2.0
    row = replace(registry.row("detr-r50"), input=(96, 128), min_person=0.0)
    strips = people_strips(row, network, "made", frame, CPU)
    assert [strip.label for strip in strips] == ["made\ndecoder layer 0", "made\ndecoder layer 1"]
    scores = [float(title.split(": ")[1]) for title in strips[0].titles]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 8
    assert strips[0].tiles[0].heat.shape == strips[0].under.shape[:2]
    unsure = people_strips(replace(row, min_person=0.999), network, "made", frame, CPU)
    assert [title.split(":")[0] for title in unsure[0].titles] == ["surest guess 1"]


def test_a_figure_is_the_same_to_the_last_byte(seen, tmp_path):
    strips = joint_strips(seen[1], ("nose", "left_hip"), "depends-on", None, -1.0)
    for name in ("a.png", "b.png"):
        draw_grid(strips, "$1 & $x$", "note", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("sure", [True, False])
def test_the_star_is_drawn_on_its_pixel(tmp_path, sure):
    """A red spot in the picture shows where that pixel is in the figure."""
    plain, spotted = np.full((2, 80, 60, 3), 120, np.uint8)
    spotted[19:22, 44:47] = 255, 0, 0
    nothing = np.zeros((80, 60))
    tiles = {
        "plain": (plain, Tile("", nothing)),
        "spot": (spotted, Tile("", nothing)),
        "star": (plain, Tile("", nothing, (45.0, 20.0), sure)),
    }
    drawn = {}
    for name, (under, tile) in tiles.items():
        draw_grid([Strip("", plain, under, [tile])], "", "", tmp_path / f"{name}.png")
        drawn[name] = imread(tmp_path / f"{name}.png")
    spot, star = (np.argwhere((drawn[name] != drawn["plain"]).any(2)) for name in ("spot", "star"))
    np.testing.assert_allclose(star.mean(0), spot.mean(0), atol=2)
    brightest = drawn["star"][..., :3].min(2)[tuple(star.T)].max()
    assert brightest > 0.9


@pytest.fixture
def prediction():
    """A person seen in frames 2-4 and 8-40, of whom one window starts at 3."""
    frames = np.array([*range(2, 5), *range(8, 41)], np.int32)
    xy = np.zeros((len(frames), 17, 2), np.float32)
    xy[:, 0] = np.stack([frames * 10.0, frames * 0.0 + 100], 1)
    xy[:, 1] = xy[:, 0] + (20, 60)
    track = PoseTrack("clip", 7, "coco17", frames, xy, np.ones((len(frames), 17), np.float32))
    track.score[:, 2:] = 0
    return Prediction(None, (3,), (0.1,), np.ones((1, 2), np.float32), (track,), people=(7,))


def test_a_windows_frames_are_all_from_its_first_on_or_those_that_show_the_person(prediction):
    kept = frames_of(prediction, 0, WindowRule(min_score=0.2))
    assert kept.tolist() == list(range(3, 33))
    dropped = frames_of(prediction, 0, WindowRule(min_score=0.2, gaps="drop"))
    assert dropped.tolist() == [3, 4, *range(8, 36)]
    padded = frames_of(replace(prediction, starts=(30,)), 0, WindowRule(min_score=0.2, gaps="drop"))
    assert padded.tolist() == list(range(30, 60))


def test_a_joint_that_the_layout_leaves_out_shows_nobody():
    """In frames 10 and 11 only the neck is seen: windows are cut without them, so they are none of its frames."""
    names, frames = skeleton("openpose19").joints, np.arange(40, dtype=np.int32)
    score = np.ones((40, len(names)), np.float32)
    score[10:12] = [name == "neck" for name in names]
    track = PoseTrack("clip", 0, "openpose19", frames, np.zeros((40, len(names), 2), np.float32), score)
    seen = Prediction(None, (0,), (0.0,), np.ones((1, 2), np.float32), (track,), people=(0,))
    shown = frames_of(seen, 0, WindowRule(min_score=0.2, gaps="drop"))
    assert shown.tolist() == [*range(10), *range(12, 32)]


def test_regions_follow_the_person_at_one_size(prediction):
    frames = frames_of(prediction, 0, WindowRule(min_score=0.2))
    attended = Attended(prediction, 0, 1, frames, 0.1, *[np.zeros(0)] * 4)
    regions = person_regions(attended, 0.2)
    sizes = regions[:, 2:] - regions[:, :2]
    np.testing.assert_allclose(sizes, sizes[:1].repeat(30, 0))
    np.testing.assert_allclose(sizes[0], [39, 78])  # 20 x 60 and 0.15 of it all round, then half the height
    middles = (regions[:, 0] + regions[:, 2]) / 2
    np.testing.assert_allclose(middles, frames * 10 + 10)  # also in the gap, frames 5 to 7


def test_networks_without_attention_are_refused(frame):
    with pytest.raises(ConfigError, match="hrnet-w32 has no attention to look at"):
        look(registry.row("hrnet-w32"), "made", backbone_of("hrnet-w32"), frame, BOX)
