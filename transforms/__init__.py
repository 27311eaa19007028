"""What happens to keypoints: records, errors and pure functions. Imports no other room."""

if __name__ != "posebeam.transforms":
    raise ImportError(f"import posebeam.transforms, not {__name__}: one copy of a room is enough")
