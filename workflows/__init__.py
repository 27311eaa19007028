"""What a person runs: commands, training, evaluation, drawing. Imports all rooms."""

if __name__ != "posebeam.workflows":
    raise ImportError(f"import posebeam.workflows, not {__name__}: one copy of a room is enough")
