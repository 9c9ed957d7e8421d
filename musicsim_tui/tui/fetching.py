"""What links and the queue are asked to do from the app."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from musicsim_tui.tui.bridge import CatalogChanged
from musicsim_tui.tui.downloading import Downloading, DownloadsChanged, ListingOrder
from musicsim_tui.tui.playing import PlayingActions
from musicsim_tui.tui.text import shown
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from musicsim_tui.download.failures import DownloadError
    from musicsim_tui.download.links import Choice
    from musicsim_tui.download.report import ListingProgress, Opened
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.playlist_records import Playlist
    from musicsim_tui.tui.marks import Marked
    from musicsim_tui.tui.screens.downloads import DownloadsView

_LONGEST_LINK = 60
_FOLLOW_SECONDS = 0.2
_LISTING_PAUSE_SECONDS = 2.0
"""Between two lists that are read after each other, at most."""


class FetchingActions(PlayingActions):
    """The actions that list and fetch."""

    downloading: Downloading
    entry_marks: Marked[int]
    _heard = 0
    _failing = False
    _changes = 0
    _follows = False

    @property
    def downloads(self) -> DownloadsView:
        return self.main.downloads

    def on_downloads_changed(self, _message: DownloadsChanged) -> None:
        if self.leaving:
            return
        downloading = self.downloading
        downloading.settle()
        self.main.show_job()
        if (heard := downloading.snapshot.heard) != self._heard:
            self._heard = heard
            self.tracks_changed()
        error = downloading.error
        if error is not None and not self._failing:
            self.tell_trouble(error)
        self._failing = error is not None
        self.downloads.downloads_changed()
        if downloading.listed_name and not self._follows:
            self._follows = True
            self._follow_listing()

    def _follow_listing(self) -> None:
        """Catch up with the list that is being read, again and again until it is over."""
        downloading = self.downloading
        if downloading.lags:
            self.post_message(DownloadsChanged())
        if downloading.listed_name:
            self.set_timer(max(_FOLLOW_SECONDS, downloading.pace_seconds), self._follow_listing)
        else:
            self._follows = False

    def tracks_changed(self) -> None:
        """Tracks have come, or their files have gone."""
        self.post_message(CatalogChanged())

    # Links

    def open_link(self, link: str) -> None:
        """List what is behind a link, once it is clear what that is."""
        from musicsim_tui.download.links import Choice, Question, question_about
        from musicsim_tui.tui.screens.pick import Answer, Pick

        question = question_about(link)
        if question is None:
            self._list_link(link)
        elif question is Question.MIX_LENGTH:
            self._ask_how_many(link, None)
        else:
            mix = question is Question.VIDEO_OR_MIX
            answers = [
                Answer("video", "Only the video"),
                Answer("list", "The endless mix around it" if mix else "The whole playlist"),
            ]

            def take(name: str | None) -> None:
                if name == "list" and mix:
                    self._ask_how_many(link, Choice.LIST)
                elif name is not None:
                    self._list_link(link, Choice(name))

            where = "an endless mix" if mix else "a playlist"
            self.push_screen(Pick("Which of them?", f"This link is a video inside {where}.", answers), take)

    def _ask_how_many(self, link: str, choice: Choice | None) -> None:
        from musicsim_tui.download.playlist import MIX_ENTRIES
        from musicsim_tui.tui.screens.pick import HowMany

        def take(number: int | None) -> None:
            if number is not None:
                self._list_link(link, choice, number)

        self.push_screen(
            HowMany("How many?", "This mix has no end. How many of it are to be listed?", MIX_ENTRIES), take
        )

    def _list_link(self, link: str, choice: Choice | None = None, limit: int | None = None) -> None:
        downloads = self.bridge.services.downloads
        ticket = self.downloads.await_list()
        self.show_view("downloads")

        def list_it(token: CancelToken, publish: Callable[[ListingProgress], None]) -> Opened:
            return downloads.open(
                link, token, choice=choice, limit=limit, publish=publish, on_rest=self._tell_rest
            )

        self.downloading.list_link(
            ListingOrder(
                shown(link)[:_LONGEST_LINK],
                list_it,
                partial(self._listed, ticket),
                self.downloads.cannot_list,
                self._stopped,
                ticket=ticket,
            )
        )

    def _tell_rest(self, error: DownloadError) -> None:
        """From the thread that lists: it waits until the site may be asked again."""
        self.bridge.notice(
            f"{error.title} {error.hint} The list waits and does so by itself; {self.key('escape')} stops it."
        )

    def _stopped(self) -> None:
        self.say("The listing is stopped; what came is kept.")
        self.downloads.listing_ended()
        self.downloads.look_up()

    def _listed(self, ticket: int, opened: Opened) -> None:
        """Tell what a listing brought that its playlist does not show."""
        self.downloads.list_came(ticket, opened.playlist)
        self.downloads.listing_ended(opened.playlist)
        key = self.key("download")
        if opened.problem is not None:
            problem = opened.problem
            self.say(f"The list broke off: {problem.title} {problem.hint}", trouble=True)
        elif opened.advice:
            self.say(opened.advice[0], trouble=True)
        else:
            from musicsim_tui.tui.download_words import entries_words

            again = "" if opened.created else f", {opened.fresh:,} of them new"
            self.say(f"{entries_words(opened.received)} listed{again}; {key} fetches")

    def check_playlists(self, playlists: Sequence[Playlist], remark: str = "") -> None:
        """Ask the sites what is new in these, and fetch it where something was fetched before; the last news
        come with a remark."""
        services = self.bridge.services
        if not playlists:
            self.say(f"There is no playlist yet; {self.key('open')} takes a link.")
        for place, playlist in enumerate(playlists):
            pause = min(_LISTING_PAUSE_SECONDS, services.settings.download.pause[0]) if place else 0.0

            def list_it(
                token: CancelToken,
                publish: Callable[[ListingProgress], None],
                number: int = playlist.id,
                pause: float = pause,
            ) -> Opened:
                token.wait(pause)
                return services.downloads.check(number, token, publish, on_rest=self._tell_rest)

            name = shown(playlist.title)[:_LONGEST_LINK] or "a playlist"
            done = partial(self._checked, remark=remark if playlist is playlists[-1] else "")
            self.downloading.list_link(
                ListingOrder(
                    name, list_it, done, self.downloads.cannot_list, self._stopped, playlist=playlist.id
                )
            )

    def _checked(self, opened: Opened, remark: str) -> None:
        services = self.bridge.services
        self.downloads.listing_ended(opened.playlist)

        def work(_token: CancelToken) -> int:
            known = services.catalog.playlists.get(opened.playlist)
            if known is None or not known.followed:
                return 0
            return services.downloads.enqueue_playlist(opened.playlist, everything=False)

        def tell(queued: int) -> None:
            news = [f"{opened.fresh:,} new"]
            news += [f"{opened.removed:,} not in the list any more"] if opened.removed else []
            news += [f"{opened.deleted:,} deleted from the disk"] if opened.deleted else []
            news += [f"{queued:,} put in the queue"] if queued else []
            more = f"; {remark}" if remark else ""
            self.say(f"{shown(opened.title)[:_LONGEST_LINK]}: {', '.join(news)}{more}")
            if opened.problem is not None:
                self.tell_trouble(opened.problem)
            self.downloads.look_up()

        self.bridge.ask(f"checked {opened.playlist}", work, tell)

    def action_rescan(self) -> None:
        if self.main.view is self.downloads:
            self.downloads.action_check()
        else:
            super().action_rescan()

    # The queue

    def queue_up(
        self,
        work: Callable[[CancelToken], int],
        words: str = "put in the queue",
        done: Callable[[int], None] = lambda _: None,
        *,
        nothing: str = "There is nothing here to fetch.",
    ) -> None:
        """Change the queue on another thread, and tell how many entries that were; `nothing` when none."""
        self.change_queue(lambda token: (work(token), words), done, nothing=nothing)

    def change_queue(
        self,
        work: Callable[[CancelToken], tuple[int, str]],
        done: Callable[[int], None] = lambda _: None,
        *,
        nothing: str,
    ) -> None:
        """As `queue_up`, where the work itself says what has become of the entries."""

        def tell(change: tuple[int, str]) -> None:
            changed, words = change
            done(changed)
            waits = ""
            if self.downloading.paused:
                waits = f"; all is paused, {self.key('queue.pause_all')} goes on"
            where = ""
            if self.main.view is not self.downloads:
                where = f"; {self.key('view.downloads')} shows it"
            if changed:
                self.say(f"{count(changed, 'download')} {words}{waits}{where}")
            else:
                self.say(nothing)
            self.main.view.catalog_changed()

        self._changes += 1  # a topic of its own: no change may be forgotten for the next one
        self.bridge.ask(f"queue {self._changes}", work, tell)

    def fetch_again(self, entries: Sequence[int]) -> None:
        """Put what could not be fetched at the end of the queue."""
        downloads = self.bridge.services.downloads
        self.queue_up(lambda _token: downloads.retry(entries))
