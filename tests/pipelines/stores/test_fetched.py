"""Fetched clips: files without a name, and whose fault it is that there is none."""

from pathlib import Path

import pytest

from posebeam.pipelines.decode import open_clip, probe
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.stills.still import open_still
from posebeam.pipelines.stores.address import located
from posebeam.pipelines.stores.fetched import here, opener
from posebeam.pipelines.stores.stock import Stock
from posebeam.transforms.errors import DecodeError, StoreError

URI = "gs://bucket/clips/a.avi"


@pytest.fixture
def clip(store, clips):
    """One of the little videos, here; in the store it is URI."""
    store.put("clips/a.avi", Path(clips[0].uri).read_bytes())
    return clips[0].uri


def frames_of(frames):
    with frames as running:
        return [(frame.number, frame.seconds, frame.rgb.tobytes()) for frame in running], running.report


def test_a_clip_is_the_same_wherever_it_lies(clip, left):
    for named in (URI, located(URI)):
        assert probe(named) == probe(clip) > 0
        assert frames_of(open_clip(named)) == frames_of(open_clip(clip))
    assert left() == []


def test_it_is_fetched_in_the_thread_that_decodes(clip, store, left):
    frames = Prefetch(opener(URI, open_clip), 1 << 20)
    assert frames_of(frames) == frames_of(open_clip(clip))
    assert store.count("fetch") == 1
    assert left() == []


def test_an_image_too(store, tmp_path, media):
    image = next(path for path in media.rglob("*") if path.suffix in (".jpg", ".png"))
    store.put("a.jpg", image.read_bytes())
    (frame,) = open_still("gs://bucket/a.jpg")
    (same,) = open_still(image)
    assert (frame.rgb == same.rgb).all()
    assert frame.encoded == same.encoded


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [(KeyError(), DecodeError, "no such object"), (PermissionError(), DecodeError, "does not allow"),
     (ConnectionError(), StoreError, "gave up")],
)  # fmt: skip
def test_a_clip_that_is_gone_is_rejected_and_a_store_that_is_down_is_no_reject(
    store, left, raised, expected, said
):
    store.failing["clips/a.avi"] = raised
    for frames in (Prefetch(opener(URI, open_clip), 1 << 20), Prefetch(Stock().opener(URI, open_clip), 1 << 20)):
        with pytest.raises(expected, match=said), frames:
            next(frames)
    assert left() == []


def test_fetching_is_no_stalled_decoder(clip, store, monkeypatch):
    import time

    slow = store.fetch
    monkeypatch.setattr(store, "fetch", lambda *args: (time.sleep(1.0), slow(*args)))
    assert len(frames_of(Prefetch(opener(URI, open_clip), 1 << 20, stall_seconds=0.4))[0]) == probe(clip)


def test_a_path_is_good_as_long_as_it_is_open(clip):
    with here(URI) as path:
        assert Path(path).read_bytes() == Path(clip).read_bytes()
        again = Path(path).open("rb")  # noqa: SIM115  which is the point: it is read when the other is closed
    with again:
        assert again.read() == Path(clip).read_bytes()
    with here(clip) as path:
        assert path == clip


def test_a_stock_keeps_what_it_has_room_for_and_fetches_the_rest_again(store, clips, left):
    uris = []
    for ref in clips:
        store.put(ref.clip_id, Path(ref.uri).read_bytes())
        uris.append(f"gs://bucket/{ref.clip_id}")
    room = sum(ref.size for ref in clips[:3])
    with Stock(most=room) as stock:
        assert stock.lengths(uris, probe) == [probe(ref.uri) for ref in clips]
        assert store.count("fetch") == len(clips)
        for uri, ref in zip(uris, clips, strict=True):
            got = frames_of(Prefetch(stock.opener(uri, open_clip), 1 << 20))
            assert got == frames_of(open_clip(ref.uri))
        assert len(clips) < store.count("fetch") < 2 * len(clips)
    with Stock() as stock:
        store.requests.clear()
        stock.lengths([*uris, "gs://bucket/gone.avi"], probe)
        frames_of(Prefetch(stock.opener(uris[0], open_clip), 1 << 20))
        assert store.count("fetch") == len(clips) + 1
    assert left() == []
