"""Hand to MkDocs what the other modules make; nothing else here knows it."""

from .finish import FinishPlugin
from .languages import LanguagesPlugin
from .lessons import LessonsPlugin
from .references import MathPlugin, TorchLinksPlugin

__all__ = [
    "FinishPlugin",
    "LanguagesPlugin",
    "LessonsPlugin",
    "MathPlugin",
    "TorchLinksPlugin",
]
