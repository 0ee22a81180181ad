"""The templates of pages, and the texts that are put into them whole."""

from functools import cache
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

# The package with what pages share: `template.html.j2`, macros, style and script.
SHARED = "pipeline.report"


@cache
def page_template(package: str, name: str) -> Template:
    """The template `name` of a Python package, which may use those of `SHARED`.

    A name that both have is the package's own. What a template does not know is an error.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader(SHARED, ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def asset(package: str, name: str) -> str:
    """The text of a file that lies in a Python package: a style or a script."""
    return resources.files(package).joinpath(name).read_text("utf-8")
