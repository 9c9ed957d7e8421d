"""Opens a file as audio: its first audio stream, packet by packet, with every failure put into words.

FFmpeg never sees a file name. A name can look like a link ("http:", "concat:", "pipe:0"), and a playlist can
pretend to be a song; so FFmpeg reads through a descriptor that is opened here, may open nothing else, and
recognises only containers that hold audio themselves.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from musicsim_tui.audio import flac
from musicsim_tui.audio.endings import LONGEST_OGG_PAGE
from musicsim_tui.audio.reader import FileReader
from musicsim_tui.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

    from musicsim_tui.jobs import CancelToken

_BUFFER_BYTES = 1 << 17
_CONTAINERS = (
    "3g2,3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,m4a,matroska,"
    "mlp,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,oga,ogg,oma,qcp,qoa,rm,shn,spdif,tak,truehd,tta,voc,w64,wav,webm,wv,xwma"
)
"""Demuxers that read one file; none of the playlist, concatenation, image or device ones."""
_CONFINED = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}

_UNCONTAINED = frozenset({"mp3", "aac"})
"""Demuxers of bare streams, to which tags are appended."""

_KEEPS_TIME = frozenset({"asf", "caf", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mp3", "tta", "wv"})
"""Demuxers that go exactly where they are told (to the millisecond, where the container tells no more)."""
_COUNTS_BYTES = frozenset({"aiff", "au", "w64", "wav"})
"""Demuxers that reckon a time from the number of bytes a second."""

_MAX_SAMPLE_RATE = 1_536_000
_MAX_CHANNELS = 64
_ENCRYPTED_TAGS = frozenset({"drms", "enca", "aavd"})
"""Sample descriptions of protected audio: FairPlay, ISO 23001-7 Common Encryption, Audible."""
_MAX_FAILED_READS = 32
"""Demuxing failures in a row, without a packet between them, after which the rest is given up."""

_OGG_BEGINNING = re.compile(rb"OggS\0[\2\6]")
"""An Ogg page (RFC 3533, section 6) with the flag for the beginning of a logical stream."""
_OGG_SERIAL = slice(14, 18)
"""Where a page names the logical stream that it belongs to."""
_AUDIO_BEGINNING = re.compile(
    rb"ID3|fLaC|OggS|RIFF....WAVE|RF64|FORM....AIF[FC]|\x1a\x45\xdf\xa3|0&\xb2u|caff|....ftyp|MAC |wvpk|"
    rb"\xff[\xe0-\xff]",
    re.DOTALL,
)


@dataclass(slots=True, eq=False)
class AudioSource:
    """An open file and its first audio stream. `damaged` counts what could not be read or decoded so far."""

    container: InputContainer
    stream: AudioStream
    channels: Sequence[str] | None
    """The names of the channels, in their order, where the frames do not tell them."""
    reader: FileReader
    end: int | None = None
    """Offset behind which only appended tags follow, where the container does not tell them apart."""
    damaged: int = 0

    @property
    def header_seconds(self) -> float | None:
        """The duration that the container claims, None where it claims none."""
        import av

        duration = self.container.duration
        return duration / av.time_base if duration and duration > 0 else None

    @property
    def seekable(self) -> bool:
        """Whether going to a time leads to the very place that decoding from the beginning reaches then.

        It does where the container notes times or counts samples, and in plain PCM, whose bytes do. Elsewhere
        (ADPCM in WAV, bare AC-3) a time is reckoned from the bit rate, and drifts. In a chained Ogg file
        (RFC 3533, section 4) and in joined FLAC files every link has a clock of its own.
        """
        name = self.container.format.name
        if name in _COUNTS_BYTES:
            return self.stream.codec_context.name.startswith("pcm_")
        if name == "flac":
            return self.reader.is_one_flac()
        if name != "ogg":
            return name in _KEEPS_TIME
        tail = self.reader.tail(LONGEST_OGG_PAGE)
        last_page = tail[tail.rfind(b"OggS\0") :]
        return last_page[_OGG_SERIAL] == self.reader.head()[_OGG_SERIAL]

    def seek(self, seconds: float) -> bool:
        """Go on at the last packet known to begin at or before a time of the stream's own clock; whether
        that worked. Raises Cancelled, or StorageError when the disk fails."""
        from av.error import FFmpegError

        time_base = self.stream.time_base
        if not time_base:
            return False
        try:
            self.container.seek(round(seconds / time_base), stream=self.stream)
        except FFmpegError:
            self.reader.check()
            return False
        self.reader.check()
        return True

    def restart(self) -> None:
        """Go on at the beginning, with a fresh decoder."""
        if not self._go_on_at(0):
            self.reader.check()
            raise AudioError("The file has changed while it was read.", "Try again.")

    def packets(self) -> Iterator[Packet[AudioStream]]:
        """The encoded packets of the stream, in file order; damaged places are passed over.

        Where an Ogg file of a different kind or a FLAC file follows in the same file, `packet.stream` and
        `container` change, and those before are closed. Raises Cancelled, or StorageError when the disk
        fails before the end.
        """
        from av.error import FFmpegError

        reader, end = self.reader, self.end
        position = failed_in_a_row = 0
        may_be_joined = self.container.format.name == "flac"
        while failed_in_a_row < _MAX_FAILED_READS:
            link: int | None = None
            try:
                for packet in self.container.demux(self.stream):
                    if reader.interrupted:
                        reader.check()
                    position = packet.pos or position
                    if end is not None and position >= end:
                        break
                    if not packet.size:  # it would end the decoder, and comes at the end only
                        continue
                    failed_in_a_row = 0
                    following = self._following_flac(packet, position) if may_be_joined else None
                    if following is not None:
                        rest, link = following
                        yield from rest
                        break
                    yield packet
            except IndexError:  # PyAV 18.1, at the end, looks for a stream that began on the way there
                break
            except FFmpegError:
                self.reader.check()
                link = self._next_ogg(position)
                if link is None:
                    failed_in_a_row += 1
                    self.damaged += 1
                    continue
            if link is None:
                break
            if not self._go_on_at(link):
                self.damaged += 1
                break
            position = 0
        self.reader.check()

    def _next_ogg(self, position: int) -> int | None:
        """Where the next link of a chained Ogg file (RFC 3533, section 4) begins: FFmpeg refuses to go on to
        one that differs from the link before."""
        if self.container.format.name != "ogg":
            return None
        return self.reader.find(_OGG_BEGINNING, position + 1)

    def _following_flac(
        self, packet: Packet[AudioStream], position: int
    ) -> tuple[list[Packet[AudioStream]], int] | None:
        """What of a packet belongs to this stream, if anything does, and where the next begins, when a FLAC
        file follows in the same file: FFmpeg takes its header for a part of the last frame, and repeats what
        is behind it."""
        found = flac.BEGINNING.search(packet)
        link = self.reader.find(flac.BEGINNING, max(1, position)) if found is not None else None
        if found is None or link is None:
            return None
        import av

        last = cast("Packet[AudioStream]", av.Packet(bytes(packet)[: found.start()]))
        last.stream, last.time_base = packet.stream, packet.time_base
        last.pts, last.duration = packet.pts, packet.duration
        return [last] if last.size else [], link

    def _go_on_at(self, offset: int) -> bool:
        self.reader.start_at(offset)
        try:
            container = _open_container(self.reader)
        except AudioError:
            return False
        self.container.close()
        self.container = container
        try:
            self.stream, self.channels = _first_audio_stream(container)
        except AudioError:
            return False
        return True


@contextmanager
def open_audio(path: Path, cancel: CancelToken | None = None) -> Iterator[AudioSource]:
    """The first audio stream of a local file.

    Raises AudioError when it is no audio or cannot be used, StorageError when the disk fails, Cancelled.
    """
    reader = FileReader(path, cancel)
    source: AudioSource | None = None
    try:
        container = _open_container(reader)
        try:
            end = reader.end_of_audio() if container.format.name in _UNCONTAINED else None
            source = AudioSource(container, *_first_audio_stream(container), reader, end)
            yield source
        finally:
            (container if source is None else source.container).close()
    finally:
        reader.close()


def _open_container(reader: FileReader) -> InputContainer:
    import av
    from av.error import FFmpegError

    reader.check()
    try:
        container = av.open(
            reader,
            "r",
            container_options=_CONFINED,
            metadata_errors="surrogateescape",
            buffer_size=_BUFFER_BYTES,
        )
    except (FFmpegError, ValueError) as error:
        head = reader.head()
        reader.check()
        raise _not_audio(head) from error
    try:
        reader.check()
    except BaseException:
        container.close()
        raise
    return container


def _first_audio_stream(container: InputContainer) -> tuple[AudioStream, Sequence[str] | None]:
    """The stream, and the names of its channels where its frames will not tell them."""
    from av.stream import Discard

    if not container.streams.audio:
        raise AudioError(
            "There is no sound in the file.", "It holds only pictures, video or text, or it is damaged."
        )
    stream = container.streams.audio[0]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    if stream.codec_context is None:  # and then the stream has none of the attributes below
        raise AudioError("The audio has a format that cannot be decoded.", "Convert it to MP3 or FLAC.")
    if _tag(stream) in _ENCRYPTED_TAGS:
        raise AudioError(
            "The audio is locked by copy protection.", "Get the track in a format without protection (DRM)."
        )
    channels = _simplify_layout(stream.codec_context)
    if stream.sample_rate > _MAX_SAMPLE_RATE or stream.channels > _MAX_CHANNELS:
        raise AudioError("The file begins like audio but is damaged or cut off.", "Fetch or copy it again.")
    return stream, channels


def _tag(stream: AudioStream) -> str | None:
    """What the container calls the codec, None where that is no text."""
    try:
        return stream.codec_tag
    except UnicodeDecodeError:  # of WAV, for one, it is a number
        return None


def _simplify_layout(context: AudioCodecContext) -> Sequence[str] | None:
    """Give the decoder a layout that is no more than a name or a number of channels. Tells the names of the
    channels where those are lost with it.

    An order of channels that is a file's own, as AIFF, CAF and MP4 can have, is memory that PyAV 18.1 shares
    between the decoder and all the layouts and frames it gives out, and frees with each: the process would
    end. Here the decoder leaves it to `layout` alone, before it is opened and there are frames.
    """
    layout = context.layout
    count, name = layout.nb_channels, layout.name
    if count < 1:
        return None
    if " channels" not in name and "+" not in name:
        context.layout = name  # which the file may have spelt out
        return None
    context.layout = f"{count} channels"
    return [channel.name for channel in layout.channels] if count <= _MAX_CHANNELS else None


def _not_audio(head: bytes) -> AudioError:
    """For a file in which no container is found. `head` is how it begins."""
    if not any(head):
        return AudioError(
            "The file holds nothing but zeros.", "Its download or copy did not finish: fetch it again."
        )
    if _AUDIO_BEGINNING.match(head):
        return AudioError(
            "The file begins like audio but is damaged or cut off.",
            "Fetch or copy it again from where it came.",
        )
    return AudioError(
        "The file is not audio.", "Leave it out, or convert it to MP3, FLAC or another audio format."
    )
