"""Hand lessons, languages, formulas and links to MkDocs; nothing else here knows it."""

from .languages import LanguagesPlugin
from .lessons import LessonsPlugin
from .machines import MachinesPlugin
from .references import MathPlugin, TorchLinksPlugin

__all__ = [
    "LanguagesPlugin",
    "LessonsPlugin",
    "MachinesPlugin",
    "MathPlugin",
    "TorchLinksPlugin",
]
