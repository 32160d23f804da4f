"""Hand to MkDocs what the other modules make; nothing else here knows it."""

from .finding import FindingPlugin
from .finish import FinishPlugin
from .languages import LanguagesPlugin
from .lessons import LessonsPlugin
from .machines import MachinesPlugin
from .references import MathPlugin, TorchLinksPlugin

__all__ = [
    "FindingPlugin",
    "FinishPlugin",
    "LanguagesPlugin",
    "LessonsPlugin",
    "MachinesPlugin",
    "MathPlugin",
    "TorchLinksPlugin",
]
