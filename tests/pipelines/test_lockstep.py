"""The loop: every frame once and in order, full batches, hints from the frame before, rejects that stay alone."""

from functools import partial

import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.fill import Fill, slots_for
from posebeam.pipelines.lockstep import Ended, Failed, Seen, lockstep
from posebeam.pipelines.prefetch import Prefetch


def opener(ref):
    return Prefetch(partial(open_clip, ref.uri), 1 << 20, 30.0)


def run(refs, estimator, slots=3, fill=None):
    return list(lockstep(refs, opener, estimator, slots, fill))


def seen_by_clip(events):
    seen = {}
    for event in events:
        if isinstance(event, Seen):
            seen.setdefault(event.ref.clip_id, []).append(event.frame.number)
    return seen


@pytest.mark.parametrize("wants_hints", [True, False])
@pytest.mark.parametrize("device_kind", ["cpu", "cuda"])
def test_every_frame_is_seen_once_and_in_order(clips, stub, wants_hints, device_kind):
    estimator = stub(wants_hints)
    estimator.device_kind = device_kind  # two cohorts in flight
    events = run(clips, estimator)
    expected = {ref.clip_id: list(range(31 + 2 * int(ref.clip_id[-5]))) for ref in clips}
    assert seen_by_clip(events) == expected
    assert sorted(event.ref.clip_id for event in events if isinstance(event, Ended)) == sorted(expected)


def test_batches_follow_from_the_clips_alone(clips, stub):
    first, second = stub(), stub()
    run(clips, first)
    run(clips, second)
    assert first.batches == second.batches


def test_a_hint_comes_from_the_same_clip_one_frame_before(clips, stub):
    estimator = stub()
    run(clips, estimator)
    for colour, hint in (pair for batch in estimator.batches for pair in batch):
        assert hint is None or round(colour - hint) == 1


def test_without_hints_batches_are_full_to_the_last(clips, stub):
    estimator = stub(wants_hints=False, batch_size=8)
    run(clips, estimator)
    assert [len(batch) for batch in estimator.batches[:-1]] == [8] * (len(estimator.batches) - 1)


def test_slots_keep_batches_full(clips, stub):
    fill = Fill()
    run(sorted(clips, key=lambda ref: -int(ref.clip_id[-5])), stub(), slots_for(len(clips), 32), fill)
    assert 0.9 < fill.frames / (fill.steps * fill.slots) <= 1


@pytest.mark.parametrize(
    ("clips", "slots"), [(0, 1), (1, 1), (2, 2), (11, 2), (12, 4), (20, 8), (64, 16), (500, 32)]
)
def test_slots_leave_no_chunk_of_the_cpu_half_empty(clips, slots):
    assert slots_for(clips, 32) == slots


def test_without_hints_batches_are_full_whatever_the_slots(clips, stub):
    fill = Fill()
    run(clips, stub(wants_hints=False), slots=1, fill=fill)
    assert 0.9 < fill.frames / (fill.steps * fill.slots) <= 1


def test_a_broken_clip_fails_alone(clips, broken, stub):
    events = run([clips[0], broken, *clips[1:]], stub())
    failed = [event for event in events if isinstance(event, Failed)]
    assert [event.ref for event in failed] == [broken]
    assert failed[0].error.stage == "decode"
    assert len(seen_by_clip(events)) == len(clips)


def test_outputs_that_are_not_finite_are_counted_and_reject_a_clip_above_5_percent(clips, stub):
    one = [event for event in run(clips[:1], stub(poison=lambda c: round(c) == 4)) if not isinstance(event, Seen)]
    assert isinstance(one[0], Ended)
    assert one[0].not_finite == 1
    many = [event for event in run(clips[:1], stub(poison=lambda c: c < 4.5)) if not isinstance(event, Seen)]
    assert isinstance(many[0], Failed)
    assert many[0].error.stage == "estimate"
    assert "5 of 31" in many[0].error.reason


def test_an_exception_of_the_backbone_is_not_swallowed(clips, stub):
    def fail(colour):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(clips, stub(poison=fail))


@pytest.mark.parametrize("wants_hints", [True, False])
def test_a_clip_ends_after_its_last_frame(clips, stub, wants_hints):
    ended = set()
    for event in run(clips, stub(wants_hints)):
        assert event.ref not in ended
        if not isinstance(event, Seen):
            ended.add(event.ref)
    assert len(ended) == len(clips)
