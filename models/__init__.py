"""Networks, decoders and estimators. Imports transforms only."""

if __name__ != "posebeam.models":
    raise ImportError(f"import posebeam.models, not {__name__}: one copy of a room is enough")
