"""Page: a report as one HTML file that needs nothing else: its style and its script stand in it."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from posebeam.pipelines.publish import unfinished
from posebeam.workflows.report.classifier_page import classifier_sections
from posebeam.workflows.report.data_page import data_section
from posebeam.workflows.report.pose_page import pose_sections
from posebeam.workflows.report.section import Section
from posebeam.workflows.report.subject import Subjects
from posebeam.workflows.report.trunk_page import trunk_sections


def write_page(subjects: Subjects, path: Path, data: Sequence[Path] = ()) -> int:
    """Write the page; return its bytes. data are folders of data sets from which mistakes may be drawn."""
    sources = [*data, *(each.out for each in subjects.data)]
    sections = [
        *classifier_sections(subjects.classifiers, sources, subjects.machine),
        *pose_sections(subjects.poses, subjects.machine),
        *trunk_sections(subjects.trunks),
        *map(data_section, subjects.data),
    ]
    names = subjects.names
    text = render(", ".join(names[:4]) + (" and more" if len(names) > 4 else ""), sections)
    with unfinished(path) as part:
        part.write_text(text, encoding="utf-8")
    return len(text.encode())


def render(title: str, sections: Sequence[Section]) -> str:
    """The sections as a page. Names of clips and classes come from anywhere: everything is escaped."""
    pages = Environment(
        loader=PackageLoader("posebeam.workflows.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    script = _own("page.js")
    return pages.get_template("page.html").render(
        title=title,
        sections=sections,
        style=_own("style.css"),
        script=script,
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),  # no other script runs in the page
        version=version("posebeam"),
    )


def _own(name: str) -> Markup:
    """A file of ours, as it stands."""
    path = files("posebeam.workflows.report").joinpath("templates", name)
    return Markup(path.read_text(encoding="utf-8"))  # noqa: S704
