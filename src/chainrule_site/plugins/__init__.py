"""Hand lessons, languages, formulas and links to MkDocs; nothing else here knows it."""

from .finding import FindingPlugin
from .languages import LanguagesPlugin
from .lessons import LessonsPlugin
from .machines import MachinesPlugin
from .references import MathPlugin, TorchLinksPlugin

__all__ = [
    "FindingPlugin",
    "LanguagesPlugin",
    "LessonsPlugin",
    "MachinesPlugin",
    "MathPlugin",
    "TorchLinksPlugin",
]
