"""Every command of the app that a key calls: its id, its keys, what it does, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Where(StrEnum):
    """Where a key works."""

    EVERYWHERE = "everywhere"
    ALWAYS = "everywhere, boxes too"
    LISTS = "lists"
    TRACKS = "lists of tracks"
    LIBRARY = "Library"
    DOWNLOADS = "Downloads"
    INGEST = "Ingest"
    SEARCH = "Search"
    CRATE = "Crate"
    TROUBLE = "trouble"
    BOXES = "boxes"
    DETAILS = "details"
    CRATES = "list of crates"
    SORT = "order"
    PICK = "answers"
    QUESTION = "yes or no"
    HELP = "help"
    DISK = "disk"


IN_BOXES = frozenset(
    {Where.BOXES, Where.DETAILS, Where.CRATES, Where.SORT, Where.PICK, Where.QUESTION, Where.HELP, Where.DISK}
)
"""Boxes, which keep the keys of the view below them away."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something a key does. `keys` are alternatives in Textual's names; `label` is what the footer shows,
    `help` what the help and the palette show; `instead` names commands whose keys it takes where it works,
    `also` other places in which it does the same."""

    id: str
    keys: str
    action: str
    label: str
    help: str
    where: Where = Where.EVERYWHERE
    in_palette: bool = True
    instead: tuple[str, ...] = ()
    also: tuple[Where, ...] = ()

    @property
    def places(self) -> frozenset[Where]:
        """Everywhere it works."""
        return frozenset((self.where, *self.also))


_OF_BOXES = (
    Command(
        "quit.always",
        "ctrl+q",
        "leave",
        "Quit",
        "Leave, from a box or a field too",
        Where.ALWAYS,
        in_palette=False,
    ),
    Command(
        "quit.how",
        "ctrl+c",
        "help_quit",
        "How to quit",
        "Tell which key leaves",
        Where.ALWAYS,
        in_palette=False,
    ),
    Command("details.edit", "e", "edit", "Edit", "Edit artist and title, in the file too", Where.DETAILS),
    Command(
        "details.close",
        "i,q,enter",
        "done",
        "Close",
        "Close the details",
        Where.DETAILS,
        instead=("list.choose",),
    ),
    Command("crates.new", "n", "new", "New", "Make a crate", Where.CRATES),
    Command("crates.rename", "r", "rename", "Rename", "Give the crate another name", Where.CRATES),
    Command("crates.delete", "D", "delete", "Delete", "Delete the crate; its tracks stay", Where.CRATES),
    Command("sort.title", "t", "sort('title')", "Title", "Sort by title", Where.SORT),
    Command("sort.artist", "a", "sort('artist')", "Artist", "Sort by artist", Where.SORT),
    Command("sort.album", "b", "sort('album')", "Album", "Sort by album", Where.SORT),
    Command("sort.len", "l", "sort('len')", "Length", "Sort by length", Where.SORT),
    Command("sort.added", "d", "sort('added')", "Added", "Sort by when it came in", Where.SORT),
    Command("sort.year", "y", "sort('year')", "Year", "Sort by year", Where.SORT),
    Command("pick.video", "v", "pick", "Video", "Of a link, only the video", Where.PICK),
    Command("pick.list", "p", "pick", "Playlist", "Of a link, the playlist or the mix", Where.PICK),
    Command("pick.waiting", "w", "pick", "Waiting", "Take what waits out of the queue", Where.PICK),
    Command("pick.queue", "a", "pick", "All", "Take all playlists out of the queue", Where.PICK),
    Command("pick.forget", "f", "pick", "Forget", "Forget the playlist; its files stay", Where.PICK),
    Command("pick.delete", "d", "pick", "Delete", "Forget it and delete what it fetched", Where.PICK),
    Command("pick.number", "1,2,3,4,5,6,7,8", "pick", "Browser", "Cookies of that browser", Where.PICK),
    Command("pick.none", "0", "pick", "None", "No cookies", Where.PICK),
    Command("question.yes", "y", "answer(True)", "Yes", "Yes, do it", Where.QUESTION),
    Command("question.no", "n", "answer(False)", "No", "No, leave it", Where.QUESTION),
    Command("disk.up", "backspace", "navigate_up", "Up", "To the folder above", Where.DISK),
    Command("disk.hidden", "full_stop", "hidden", "Hidden", "Hidden files, too, or not", Where.DISK),
    Command("help.close", "question_mark,q", "close", "Close", "Close the help", Where.HELP),
)

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
        "escape",
        "escape",
        "escape",
        "Back",
        "Close a box, leave a field, clear a filter",
        in_palette=False,
        also=(Where.BOXES,),
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
    Command("undo", "z", "undo", "Undo", "Undo the last change of marks or of a crate", also=(Where.CRATES,)),
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
    *_OF_BOXES,
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
