"""Write an answer as lines of text."""

import json
from functools import cache
from importlib.resources import files

from chainrule.explain import Answer, Entry


@cache
def words(lang: str) -> dict[str, str]:
    """Read the words of a language, which the paste box uses as well.

    Args:
        lang: `en` or `zh`.

    Returns:
        The words by their names.

    Raises:
        KeyError: If there are none of the language.

    Examples:
        >>> from chainrule.explain.report import words
        >>> words("en")["fix"], words("zh")["fix"]
        ('Fix', '解决')
    """
    text = files("chainrule.explain").joinpath("words.json").read_text("utf-8")
    return json.loads(text)[lang]


def report(answer: Answer, lang: str = "en", site: str = "") -> str:
    """Write an answer for a terminal.

    Args:
        answer: What `explain` returned.
        lang: Of the answer, `en` or `zh`.
        site: The address of the site; without it addresses are relative.

    Returns:
        Lines, the last of which ends like the others.

    Raises:
        KeyError: If there are no words of the language.

    Examples:
        >>> from chainrule.explain import explain
        >>> from chainrule.explain.report import report
        >>> print(report(explain("?")), end="")
        No message of the catalogue is in the text.
        All messages: errors/
    """
    said, root = words(lang), f"{site.rstrip('/')}/" if site else ""
    root += "" if lang == "en" else f"{lang}/"
    if answer.found:
        lines = _found(answer.found[0], said, root)
        lines += _named(answer.found[1:], said["others"] + said["colon"], root)
    else:
        near = _named(answer.near, said["near"] + said["colon"], root)
        lines = [said["none"], *near, f"{said['all']}{said['colon']}{root}errors/"]
    return "\n".join(line.rstrip() for line in [*lines, ""])


def _found(entry: Entry, said: dict[str, str], root: str) -> list[str]:
    first, *others = entry.causes
    place, colon = f"{root}{entry.page}/#", said["colon"]
    lines = [entry.title, ""]
    lines += [f"{said['what']}{colon}{entry.what}"]
    lines += [f"{said['cause']}{colon}{first.title}"]
    lines += [f"{said['fix']}{colon}{first.fix}"]
    lines += [f"{said['page']}{colon}{place}{first.at}"]
    lines += ["", said["causes"] + colon] if others else []
    for cause in others:
        lines += [f"- {cause.title}{colon}{cause.fix}", f"  {place}{cause.at}"]
    return lines


def _named(entries: tuple[Entry, ...], heading: str, root: str) -> list[str]:
    lines = ["", heading] if entries else []
    for entry in entries:
        lines += [f"- {entry.title}", f"  {root}{entry.page}/"]
    return lines
