"""Check lessons, or print their pages, without building the site.

python -m chainrule_site check [FILE …]    run lessons and say what is wrong
python -m chainrule_site show FILE [LANG]  print a page as Markdown
"""

import sys
from pathlib import Path

from .lesson import LANGUAGES, LessonError, read
from .page import Surroundings, markdown
from .run import Runner


def main(words: list[str]) -> int:
    """Do what the command line says and return the exit status."""
    if words[:1] not in (["check"], ["show"]) or (
        words[0] == "show" and len(words) < 2
    ):
        print(__doc__)
        return 2
    runner = Runner()
    try:
        if words[0] == "show":
            lesson = read(Path(words[1]))
            run = runner.run([lesson])[lesson.path]
            lang = words[2] if len(words) > 2 else LANGUAGES[0]
            print(markdown(lesson, run, lang, Surroundings()))
            return 0
        paths = [Path(word) for word in words[1:]] or sorted(Path("docs").rglob("*.py"))
        lessons, mistakes = [], []
        for path in paths:
            try:
                lessons.append(read(path))
            except LessonError as error:
                mistakes.append(str(error))
        try:
            for path, run in runner.run(lessons).items():
                lesson = next(lesson for lesson in lessons if lesson.path == path)
                for lang in LANGUAGES:
                    markdown(lesson, run, lang, Surroundings())
        except LessonError as error:
            mistakes.append(str(error))
        print("\n".join(mistakes) or f"{len(lessons)} lessons, nothing wrong")
        return bool(mistakes)
    finally:
        runner.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
