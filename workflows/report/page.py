"""Page: a report as one HTML file that needs nothing else: no network, no script."""

from collections.abc import Sequence
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

_STYLE = "templates/style.css"


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
    style = files("posebeam.workflows.report").joinpath(_STYLE).read_text(encoding="utf-8")
    return pages.get_template("page.html").render(
        title=title,
        sections=sections,
        style=Markup(style),  # noqa: S704  our own file
        version=version("posebeam"),
    )
