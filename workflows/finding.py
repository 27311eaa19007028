"""Finding: one thing that posebeam doctor looked at."""

from dataclasses import dataclass

FINE, ABSENT, BROKEN = "fine", "absent", "broken"


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it where it is not fine.

    state: fine; absent, which is optional and not there; broken, without which commands fail.
    """

    what: str
    found: str
    state: str = FINE
    advice: str = ""

    def __post_init__(self) -> None:
        if self.state not in (FINE, ABSENT, BROKEN):
            raise ValueError(f"state {self.state!r}, expected {FINE}, {ABSENT} or {BROKEN}")
