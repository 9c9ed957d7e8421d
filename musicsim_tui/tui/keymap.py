"""Every key of the app, in one registry: bindings, footer, help and the table of the README come from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.binding import Binding

from musicsim_tui.tui.key_names import known_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.binding import BindingType


class Where(StrEnum):
    """Where a key works."""

    EVERYWHERE = "everywhere"
    LISTS = "lists"
    TRACKS = "lists of tracks"
    LIBRARY = "Library"
    DOWNLOADS = "Downloads"
    INGEST = "Ingest"
    SEARCH = "Search"
    CRATE = "Crate"
    TROUBLE = "trouble"
    DETAILS = "details"


@dataclass(frozen=True, slots=True)
class Command:
    """Something a key does. `keys` are alternatives in Textual's names; `label` is what the footer shows,
    `help` what the help and the palette show; `instead` names commands whose keys it takes where it works."""

    id: str
    keys: str
    action: str
    label: str
    help: str
    where: Where = Where.EVERYWHERE
    in_palette: bool = True
    instead: tuple[str, ...] = ()


COMMANDS: tuple[Command, ...] = (
    Command("view.library", "1", "view('library')", "Library", "Show the library"),
    Command("view.downloads", "2", "view('downloads')", "Downloads", "Show downloads"),
    Command("view.ingest", "3", "view('ingest')", "Ingest", "Show what is being heard"),
    Command("view.search", "4", "view('search')", "Search", "Show the last search"),
    Command("view.crate", "5", "view('crate')", "Crate", "Show the crate: the tracks you gather"),
    Command("play", "space", "play", "Preview", "Play this row, or pause it"),
    Command("play.stop", "S", "stop", "Stop", "Stop playing"),
    Command("play.forward", "right", "seek(5)", "5 s on", "5 seconds on", in_palette=False),
    Command("play.backward", "left", "seek(-5)", "5 s back", "5 seconds back", in_palette=False),
    Command("play.far_forward", "full_stop", "seek(30)", "30 s on", "30 seconds on", in_palette=False),
    Command("play.far_backward", "comma", "seek(-30)", "30 s back", "30 seconds back", in_palette=False),
    Command("play.restart", "0", "restart", "Restart", "Play from the beginning"),
    Command("play.next", "greater_than_sign", "play_row(1)", "Next", "Play the next row"),
    Command("play.previous", "less_than_sign", "play_row(-1)", "Previous", "Play the row before"),
    Command("play.audition", "A", "audition", "Audition", "Play whatever the cursor rests on, equally loud"),
    Command("volume.up", "plus,equals_sign", "volume(5)", "Louder", "Louder"),
    Command("volume.down", "minus", "volume(-5)", "Quieter", "Quieter"),
    Command("volume.mute", "m", "mute", "Mute", "Sound off, or on again"),
    Command("open", "o", "open_box", "Open", "Type or paste a folder, a file or a link"),
    Command("browse", "f", "browse", "File", "Search with any audio file, picked from the disk"),
    Command("folder", "F", "browse_folder", "Folder", "Pick a folder of music to hear"),
    Command(
        "crate.add",
        "a",
        "add_to_crate",
        "Crate",
        "Put this track, or the marked ones, in the crate",
    ),
    Command("crate.pick", "c", "pick_crate", "Crates", "Pick, make, rename or delete a crate"),
    Command("model", "M", "model", "Model", "Choose how to listen: three models"),
    Command(
        "trouble", "exclamation_mark", "trouble", "Trouble", "What failed, the log, a check of every part"
    ),
    Command("help", "question_mark", "help", "Help", "Show every key", in_palette=False),
    Command("quit", "q", "leave", "Quit", "Leave; asks only when a job would be cut"),
    Command(
        "escape", "escape", "escape", "Back", "Close a box, leave a field, clear a filter", in_palette=False
    ),
    Command("list.up", "k,up", "cursor_up", "Up", "Up", Where.LISTS, in_palette=False),
    Command("list.down", "j,down", "cursor_down", "Down", "Down", Where.LISTS, in_palette=False),
    Command(
        "list.first", "g,home", "cursor_first", "First", "To the first row", Where.LISTS, in_palette=False
    ),
    Command("list.last", "G,end", "cursor_last", "Last", "To the last row", Where.LISTS, in_palette=False),
    Command(
        "list.half_down",
        "ctrl+d",
        "half_down",
        "Half down",
        "Half a page down",
        Where.LISTS,
        in_palette=False,
    ),
    Command("list.half_up", "ctrl+u", "half_up", "Half up", "Half a page up", Where.LISTS, in_palette=False),
    Command(
        "list.page_down",
        "pagedown",
        "cursor_page_down",
        "Page down",
        "A page down",
        Where.LISTS,
        in_palette=False,
    ),
    Command(
        "list.page_up", "pageup", "cursor_page_up", "Page up", "A page up", Where.LISTS, in_palette=False
    ),
    Command("list.choose", "enter", "choose", "Similar", "Find what sounds like this track", Where.LISTS),
    Command("mark", "x", "mark", "Mark", "Mark the row, or take the mark away", Where.TRACKS),
    Command("mark.clear", "X", "clear_marks", "Clear marks", "Take all marks away", Where.TRACKS),
    Command("mark.all", "asterisk", "mark_all", "Mark all", "Mark every track shown", Where.TRACKS),
    Command(
        "details", "i", "details", "Details", "Tags, sounds, files and waveform of the track", Where.TRACKS
    ),
    Command(
        "copy", "y", "copy_path", "Copy path", "Copy the path of the track's file, or its link", Where.TRACKS
    ),
    Command("filter", "slash", "filter", "Filter", "Filter as you type", Where.TRACKS),
    Command(
        "export", "e", "export", "Export", "Write this list, or the marked rows, as a playlist", Where.TRACKS
    ),
    Command("sort", "s", "sort", "Sort", "Choose the order", Where.LIBRARY),
    Command("undo", "z", "undo", "Undo", "Undo the last change of marks or of a crate"),
    Command("redo", "Z", "redo", "Redo", "Make the undone change again"),
    Command(
        "palette",
        "ctrl+p",
        "command_palette",
        "Palette",
        "Every action, and any track, by name",
        in_palette=False,
    ),
    Command("rescan", "u", "rescan", "Rescan", "Hear what is new in the remembered folders"),
    Command(
        "versus", "v", "versus", "Versus", "Flip between query and match at the same moment", Where.SEARCH
    ),
    Command(
        "trail.back",
        "backspace,left_square_bracket",
        "trail(-1)",
        "Back",
        "To the query before",
        Where.SEARCH,
    ),
    Command(
        "trail.forward", "right_square_bracket", "trail(1)", "Forward", "To the query after", Where.SEARCH
    ),
    Command("download", "d", "download", "Download", "Fetch the marked ones, else all", Where.DOWNLOADS),
    Command(
        "check",
        "u",
        "check",
        "Check",
        "Ask the site what is new, and fetch it",
        Where.DOWNLOADS,
        instead=("rescan",),
    ),
    Command(
        "check.all", "U", "check_all", "Check all", "Ask for news of all but endless mixes", Where.DOWNLOADS
    ),
    Command(
        "queue.pause",
        "p",
        "pause_download",
        "Pause",
        "Pause this, or the marked ones, or let them go on",
        Where.DOWNLOADS,
    ),
    Command(
        "queue.pause_all",
        "P",
        "pause_queue",
        "Pause all",
        "Pause all fetching, or let it go on now",
        Where.DOWNLOADS,
    ),
    Command(
        "queue.cancel",
        "D",
        "cancel_download",
        "Cancel",
        "Take out of the queue; forget a playlist",
        Where.DOWNLOADS,
    ),
    Command("queue.retry", "r", "retry", "Retry", "Try this, or the marked ones, again", Where.DOWNLOADS),
    Command("queue.retry_all", "R", "retry_all", "Retry all", "Try all that failed again", Where.DOWNLOADS),
    Command("cookies", "b", "cookies", "Cookies", "Fetch with the cookies of a browser", Where.DOWNLOADS),
    Command(
        "pane",
        "tab,shift+tab",
        "other_pane",
        "Playlists",
        "From the entries to the playlists, and back",
        Where.DOWNLOADS,
        in_palette=False,
    ),
    Command("retry", "r,R", "retry", "Retry", "Try what failed again", Where.INGEST),
    Command("pause", "p", "pause_job", "Pause", "Pause hearing, or let it go on", Where.INGEST),
    Command("cancel", "D", "cancel_job", "Stop", "Stop hearing; what is finished stays", Where.INGEST),
    Command("crate.down", "J", "move(1)", "Lower", "Move the row down", Where.CRATE),
    Command("crate.up", "K", "move(-1)", "Higher", "Move the row up", Where.CRATE),
    Command("crate.remove", "D", "remove", "Remove", "Take this track, or the marked ones, out", Where.CRATE),
    Command(
        "trouble.next",
        "tab,right",
        "part(1)",
        "Go on",
        "Failures, log, doctor, report",
        Where.TROUBLE,
        in_palette=False,
        instead=("play.forward",),
    ),
    Command(
        "trouble.previous",
        "shift+tab,left",
        "part(-1)",
        "Go back",
        "Report, doctor, log, failures",
        Where.TROUBLE,
        in_palette=False,
        instead=("play.backward",),
    ),
    Command("trouble.retry", "r", "retry", "Retry", "Try this again, or check again", Where.TROUBLE),
    Command("trouble.retry_all", "R", "retry_all", "Retry all", "Try all that failed again", Where.TROUBLE),
    Command("trouble.copy", "y", "copy", "Copy", "Copy the path that failed, or the report", Where.TROUBLE),
    Command("details.edit", "e", "edit", "Edit", "Edit artist and title, in the file too", Where.DETAILS),
)

BY_ID: Mapping[str, Command] = {command.id: command for command in COMMANDS}

FOOTERS: Mapping[str, tuple[str, ...]] = {
    "welcome": ("list.choose", "folder", "open", "model", "help", "quit"),
    "filter": ("escape",),
    "library": ("play", "list.choose", "filter", "crate.add", "open", "help", "quit"),
    "downloads": ("download", "play", "list.choose", "queue.pause", "open", "help", "quit"),
    "no downloads": ("open", "view.library", "help", "quit"),
    "ingest": ("folder", "open", "rescan", "pause", "cancel", "retry", "help", "quit"),
    "search": ("play", "list.choose", "versus", "trail.back", "browse", "help", "quit"),
    "crate": ("play", "list.choose", "crate.down", "crate.up", "crate.remove", "export", "help", "quit"),
    "trouble": (
        "trouble.next",
        "trouble.retry",
        "trouble.retry_all",
        "trouble.copy",
        "escape",
        "help",
        "quit",
    ),
    "empty crate": ("view.library", "view.search", "crate.pick", "help", "quit"),
}
"""Which commands the last line of each view shows, in this order, as many as there is room for."""

_FIELD_KEYS = ("left", "right")
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
        if command.where in places or command.id in only
    ]


def keys_of(command: Command, keymap: Mapping[str, str]) -> str:
    """The keys of a command as a person knows them, after rebinding: `x`, `j down`, `?`."""
    keys = keymap.get(command.id, command.keys)
    return " ".join(_SIGNS.get(key.strip(), key.strip()) for key in keys.split(","))


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
        if len(names) == len(written):
            usable[name] = ",".join(names)
        else:
            problems.append(f"{name} cannot have the key {keys[name]!r}: there is no such key.")
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
            if not _meet(first.where, second.where):
                continue
            if first.id in second.instead or second.id in first.instead:
                continue
            shared = _key_set(first, keymap) & _key_set(second, keymap)
            found += [
                f"{_SIGNS.get(key, key)} cannot be both {first.id} and {second.id}." for key in sorted(shared)
            ]
    return found


def _key_set(command: Command, keymap: Mapping[str, str]) -> set[str]:
    names = {sign: name for name, sign in _SIGNS.items()}
    keys = keymap.get(command.id, command.keys).split(",")
    return {names.get(key.strip(), key.strip()) for key in keys}


def _meet(first: Where, second: Where) -> bool:
    """Whether a key press can reach both places."""
    views = set(Where) - {Where.EVERYWHERE, Where.LISTS, Where.TRACKS}
    if first in views and second in views:
        return first is second
    without_tracks = {Where.INGEST, Where.TROUBLE, Where.DETAILS}
    return not (Where.TRACKS in (first, second) and without_tracks & {first, second})


def by_place(commands: Iterable[Command] = COMMANDS) -> dict[Where, list[Command]]:
    """The commands, grouped by where they work, in the order of the registry."""
    places: dict[Where, list[Command]] = {place: [] for place in Where}
    for command in commands:
        places[command.where].append(command)
    return {place: found for place, found in places.items() if found}


def markdown_table() -> str:
    """The table of keys for the README."""
    lines = ["| key | what it does | where |", "|---|---|---|"]
    for command in COMMANDS:
        keys = " ".join(f"`{key}`" for key in keys_of(command, {}).split(" "))
        lines.append(f"| {keys} | {command.help} | {command.where} |")
    return "\n".join(lines) + "\n"
