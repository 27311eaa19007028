"""BuildSummary: what a build came to, in figures, for people and programs."""

from typing import Any

from posebeam.pipelines.build import Built


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


def excess(built: Built, max_rejects: float) -> str:
    """What is to be said where a larger share of clips was rejected than is allowed; "" where not."""
    clips = built.manifest["clips"]
    share = clips["rejected"] / max(1, clips["built"] + clips["rejected"])
    if share <= max_rejects:
        return ""
    tried = clips["built"] + clips["rejected"]
    counted = f"{clips['rejected']:,} of {tried:,} clips rejected ({share:.1%}, allowed {max_rejects:.1%})"
    return f"{counted}: rejected/ says why; what is well is built, --max-rejects takes more"
