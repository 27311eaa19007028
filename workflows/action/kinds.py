"""Kinds: every kind of action model, by the names of its models."""

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.action.act_kind import ACT
from posebeam.workflows.action.hybrid_kind import HYBRID
from posebeam.workflows.action.kind import Kind

KINDS = (ACT, HYBRID)


def kind_of(model: str) -> Kind:
    """The kind of a model's name, act-micro for example; ConfigError with the known names otherwise."""
    for kind in KINDS:
        if model in kind.models:
            return kind
    raise ConfigError(
        f"no model {model[:80]!r}; known: {', '.join(name for kind in KINDS for name in kind.models)}"
    )
