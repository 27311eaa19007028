"""What runs at scale: sources, decoding, shards, the graph. Imports models and transforms."""

if __name__ != "posebeam.pipelines":
    raise ImportError(f"import posebeam.pipelines, not {__name__}: one copy of a room is enough")
