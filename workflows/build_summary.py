"""BuildSummary: what a build came to, in figures, for people and programs."""

from typing import Any

from posebeam.pipelines.build import Built
from posebeam.workflows.console import say, tell_facts


def summary(built: Built) -> dict[str, Any]:
    """The figures, as --json prints them."""
    clips, run = built.manifest["clips"], built.run
    steps = sum(receipt.steps * receipt.slots for receipt in built.receipts)
    return {
        **clips,
        "frames": built.manifest["frames"],
        **{f"{name}": count for name, count in sorted(built.manifest["rows"].items())},
        "warnings": built.manifest["warnings"],
        "not_finite": built.manifest["not_finite"],
        "shards_skipped": built.skipped,
        "clips_decoded_now": run["decoded"],
        "frames_per_second": round(run["frames"] / run["seconds"], 1) if run["seconds"] else 0.0,
        "batch_fill": round(built.manifest["frames"] / steps, 3) if steps else 0.0,
        "halvings": sum(receipt.halvings for receipt in built.receipts),
        "seconds": run["seconds"],
    }


def summarise(built: Built, max_rejects: float, as_json: bool) -> int:
    """Print what came out; 3 if too many clips were rejected."""
    tell_facts("built", summary(built), as_json)
    if not as_json:
        for clip_id, text in [warning for receipt in built.receipts for warning in receipt.warnings][:10]:
            say(f"note: {clip_id}: {text}")
    if told := excess(built, max_rejects):
        say(told)
        return 3
    return 0


def excess(built: Built, max_rejects: float) -> str:
    """What is to be said where a larger share of clips was rejected than is allowed; "" where not."""
    clips = built.manifest["clips"]
    share = clips["rejected"] / max(1, clips["built"] + clips["rejected"])
    if share <= max_rejects:
        return ""
    tried = clips["built"] + clips["rejected"]
    counted = f"{clips['rejected']:,} of {tried:,} clips rejected ({share:.1%}, allowed {max_rejects:.1%})"
    return f"{counted}: rejected/ says why; what is well is built, --max-rejects takes more"
