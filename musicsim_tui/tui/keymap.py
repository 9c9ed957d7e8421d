"""What is made from the table of commands: bindings, footer, help, the table of the README, and the check of
what a person has bound otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from musicsim_tui.tui.commands import BY_ID, COMMANDS, FOOTERS, IN_BOXES, Command, Where
from musicsim_tui.tui.key_names import is_text, known_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.binding import BindingType

__all__ = [
    "BY_ID",
    "COMMANDS",
    "FOOTERS",
    "IN_BOXES",
    "Command",
    "Where",
    "bindings",
    "by_place",
    "check_keymap",
    "clashes",
    "key_list",
    "keys_of",
    "main_key",
    "markdown_table",
    "sign_of",
]

_FIELD_KEYS = ("left", "right", "ctrl+c")
"""Keys that a field needs although they are no characters."""

_SIGNS = {
    "question_mark": "?",
    "slash": "/",
    "asterisk": "*",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "comma": ",",
    "full_stop": ".",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "exclamation_mark": "!",
}


def bindings(*places: Where, prefix: str = "", only: Sequence[str] = ()) -> list[BindingType]:
    """The bindings of the commands that work in these places; `prefix` says whose actions they are. `only`
    names single commands that work somewhere else as well; those of lists come after the list's own there.

    They are priority bindings, which run in the order of the keys: those that arrive in one burst, as over a
    slow link or while the app is busy, then do what they were meant to do. A field keeps the characters it
    takes all the same.
    """
    return [
        Binding(
            command.keys,
            prefix + command.action,
            command.label,
            id=command.id,
            tooltip=command.help,
            show=False,
            priority=command.keys not in _FIELD_KEYS
            and (command.where in places or command.where is not Where.LISTS),
        )
        for command in COMMANDS
        if command.places.intersection(places) or command.id in only
    ]


def key_list(command: Command, keymap: Mapping[str, str]) -> list[str]:
    """The keys of a command after rebinding, each by its name or as the character that it is."""
    return [key.strip() for key in keymap.get(command.id, command.keys).split(",")]


def keys_of(command: Command, keymap: Mapping[str, str]) -> str:
    """The keys of a command as a person knows them, after rebinding: `x`, `j down`, `?`."""
    return " ".join(map(sign_of, key_list(command, keymap)))


def sign_of(key: str) -> str:
    """What a person knows a key by."""
    return _SIGNS.get(key, key)


def main_key(command: Command, keymap: Mapping[str, str]) -> str:
    """The first of a command's keys."""
    return keys_of(command, keymap).split(" ")[0]


def check_keymap(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The rebindings that can work, and a sentence for each that cannot: an unknown id, a key that there is
    not, a key taken twice."""
    problems = [f"There is no command {name} to give a key to." for name in keys if name not in BY_ID]
    usable: dict[str, str] = {}
    for name in filter(BY_ID.__contains__, keys):
        written = keys[name].split(",")
        names = [known for key in written if (known := known_key(key)) is not None]
        if len(names) != len(written):
            problems.append(f"{name} cannot have the key {keys[name]!r}: there is no such key.")
        elif name == "escape" and all(map(is_text, names)):
            problems.append(f"{name} cannot have the key {keys[name]!r} alone: in a field that is text.")
        else:
            usable[name] = ",".join(names)
    for name in list(usable):
        clash = next(iter(clashes({**usable}, only=name)), None)
        if clash is not None:
            problems.append(clash)
            del usable[name]
    return usable, problems


def clashes(keymap: Mapping[str, str], only: str | None = None) -> list[str]:
    """Keys that two commands of one place share, as sentences."""
    found = []
    for number, first in enumerate(COMMANDS):
        for second in COMMANDS[number + 1 :]:
            if only is not None and only not in (first.id, second.id):
                continue
            if not _meet(first, second):
                continue
            if first.id in second.instead or second.id in first.instead:
                continue
            shared = _key_set(first, keymap) & _key_set(second, keymap)
            found += [f"{sign_of(key)} cannot be both {first.id} and {second.id}." for key in sorted(shared)]
    return found


def _key_set(command: Command, keymap: Mapping[str, str]) -> set[str]:
    names = {sign: name for name, sign in _SIGNS.items()}
    return {names.get(key, key) for key in key_list(command, keymap)}


_TOGETHER: Sequence[frozenset[Where]] = [
    *(
        frozenset({Where.ALWAYS, Where.EVERYWHERE, Where.LISTS, Where.TRACKS, view})
        for view in (Where.LIBRARY, Where.DOWNLOADS, Where.SEARCH, Where.CRATE)
    ),
    *(
        frozenset({Where.ALWAYS, Where.EVERYWHERE, Where.LISTS, view})
        for view in (Where.INGEST, Where.TROUBLE)
    ),
    *(frozenset({Where.ALWAYS, Where.BOXES, Where.LISTS, box}) for box in sorted(IN_BOXES)),
]
"""The places that one press of a key can reach."""


def _meet(first: Command, second: Command) -> bool:
    """Whether a key press can reach both."""
    return any(reached & first.places and reached & second.places for reached in _TOGETHER)


def by_place(commands: Iterable[Command] = COMMANDS) -> dict[Where, list[Command]]:
    """The commands, grouped by where they work, in the order of the registry."""
    places: dict[Where, list[Command]] = {place: [] for place in Where}
    for command in commands:
        places[command.where].append(command)
    return {place: found for place, found in places.items() if found}


def markdown_table() -> str:
    """The table of keys for the README."""
    lines = ["| key | what it does | where | id |", "|---|---|---|---|"]
    for command in COMMANDS:
        keys = " ".join(f"`{key}`" for key in keys_of(command, {}).split(" "))
        where = ", ".join((command.where, *command.also))
        lines.append(f"| {keys} | {command.help} | {where} | `{command.id}` |")
    return "\n".join(lines) + "\n"
