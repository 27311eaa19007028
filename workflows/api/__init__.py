"""posebeam: videos and images to pose data sets that train action models."""

from importlib.metadata import version

__version__ = version("posebeam")
